// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { AbsolutePathBuf } from "../AbsolutePathBuf";

/**
 * Asks what a path is.
 */
export type FsGetMetadataParams = { path: AbsolutePathBuf, };
