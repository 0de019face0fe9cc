// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { FileSystemAccessMode } from "./FileSystemAccessMode";
import type { FileSystemPath } from "./FileSystemPath";

/**
 * One permission; the deepest entry for a path wins.
 */
export type FileSystemSandboxEntry = { access: FileSystemAccessMode, path: FileSystemPath, };
