// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { AbsolutePathBuf } from "../AbsolutePathBuf";

/**
 * The watch is on.
 */
export type FsWatchResponse = { 
/**
 * The path with links resolved; `fs/changed` names paths below this one.
 */
path: AbsolutePathBuf, };
