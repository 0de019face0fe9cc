// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { AbsolutePathBuf } from "../AbsolutePathBuf";

/**
 * Asks to be told with `fs/changed` about changes below a path.
 */
export type FsWatchParams = { path: AbsolutePathBuf, 
/**
 * Chosen by the client; one in use is refused.
 */
watchId: string, };
