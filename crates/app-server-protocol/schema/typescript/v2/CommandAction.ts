// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { LegacyAppPathString } from "../LegacyAppPathString";

/**
 * What a part of a shell line does, for a client that would rather show "read README.md" than the line. A
 * best effort for display: never base a decision on it.
 */
export type CommandAction = { "type": "read", command: string, 
/**
 * The file's name for display.
 */
name: string, path: LegacyAppPathString, } | { "type": "listFiles", command: string, 
/**
 * Null: the working folder.
 */
path: string | null, } | { "type": "search", command: string, 
/**
 * Null: the working folder.
 */
path: string | null, 
/**
 * Null when it could not be told.
 */
query: string | null, } | { "type": "unknown", command: string, };
