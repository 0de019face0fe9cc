// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { AbsolutePathBuf } from "../AbsolutePathBuf";

/**
 * Asks for the direct entries of a folder.
 */
export type FsReadDirectoryParams = { path: AbsolutePathBuf, };
