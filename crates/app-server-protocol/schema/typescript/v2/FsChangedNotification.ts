// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { AbsolutePathBuf } from "../AbsolutePathBuf";

/**
 * Sent with `fs/changed` some moments after something under a watched path changed.
 */
export type FsChangedNotification = { changedPaths: Array<AbsolutePathBuf>, watchId: string, };
