// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { AbsolutePathBuf } from "../AbsolutePathBuf";

/**
 * Makes a folder.
 */
export type FsCreateDirectoryParams = { path: AbsolutePathBuf, 
/**
 * Also makes missing parents; true when absent.
 */
recursive?: boolean | null, };
