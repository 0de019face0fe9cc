// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { JsonValue } from "../serde_json/JsonValue";
import type { MergeStrategy } from "./MergeStrategy";

/**
 * Edits the user's configuration file at one place. Comments and order of the file stay.
 */
export type ConfigValueWriteParams = { 
/**
 * Refuses the request if the file has another version by now.
 */
expectedVersion?: string | null, 
/**
 * Must be the user's configuration file; null means that one.
 */
filePath?: string | null, 
/**
 * Segments with dots between; a segment may be quoted.
 */
keyPath: string, mergeStrategy: MergeStrategy, 
/**
 * Null removes the key.
 */
value: JsonValue, };
