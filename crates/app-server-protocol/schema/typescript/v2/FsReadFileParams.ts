// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { AbsolutePathBuf } from "../AbsolutePathBuf";

/**
 * Asks for the whole content of a file.
 */
export type FsReadFileParams = { path: AbsolutePathBuf, };
