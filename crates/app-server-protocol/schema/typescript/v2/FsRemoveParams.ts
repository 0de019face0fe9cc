// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { AbsolutePathBuf } from "../AbsolutePathBuf";

/**
 * Removes a file or folder.
 */
export type FsRemoveParams = { 
/**
 * A missing path is no error; true when absent.
 */
force?: boolean | null, path: AbsolutePathBuf, 
/**
 * Removes a folder with its content; true when absent.
 */
recursive?: boolean | null, };
