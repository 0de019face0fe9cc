// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { FileSystemSandboxEntry } from "./FileSystemSandboxEntry";
import type { LegacyAppPathString } from "../LegacyAppPathString";

/**
 * Access to files beyond the sandbox.
 */
export type AdditionalFileSystemPermissions = { 
/**
 * Null: see `read` and `write`.
 */
entries: Array<FileSystemSandboxEntry> | null, 
/**
 * How many folders deep patterns are looked up.
 */
globScanMaxDepth: number | null, 
/**
 * Older form of entries with `read` access.
 */
read: Array<LegacyAppPathString> | null, 
/**
 * Older form of entries with `write` access.
 */
write: Array<LegacyAppPathString> | null, };
