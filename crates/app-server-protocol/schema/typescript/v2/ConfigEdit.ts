// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { JsonValue } from "../serde_json/JsonValue";
import type { MergeStrategy } from "./MergeStrategy";

/**
 * One edit of the configuration file.
 */
export type ConfigEdit = { 
/**
 * Segments with dots between; a segment may be quoted.
 */
keyPath: string, mergeStrategy: MergeStrategy, 
/**
 * Null removes the key.
 */
value: JsonValue, };
