// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { AbsolutePathBuf } from "../AbsolutePathBuf";

/**
 * Replaces the content of a file, or makes it. Its folder must exist.
 */
export type FsWriteFileParams = { 
/**
 * The bytes in base64.
 */
dataBase64: string, path: AbsolutePathBuf, };
