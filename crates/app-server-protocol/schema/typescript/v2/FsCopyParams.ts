// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { AbsolutePathBuf } from "../AbsolutePathBuf";

/**
 * Copies a file, or with `recursive` a folder.
 */
export type FsCopyParams = { destinationPath: AbsolutePathBuf, 
/**
 * Required for a folder; false when absent.
 */
recursive?: boolean, sourcePath: AbsolutePathBuf, };
