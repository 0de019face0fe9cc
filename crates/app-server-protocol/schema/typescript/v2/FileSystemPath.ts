// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { FileSystemSpecialPath } from "./FileSystemSpecialPath";
import type { LegacyAppPathString } from "../LegacyAppPathString";

/**
 * Which files a permission is about.
 */
export type FileSystemPath = { "type": "path", path: LegacyAppPathString, } | { "type": "glob_pattern", pattern: string, } | { "type": "special", value: FileSystemSpecialPath, };
