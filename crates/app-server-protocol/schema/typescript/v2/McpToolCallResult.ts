// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { JsonValue } from "../serde_json/JsonValue";

/**
 * What a tool gave.
 */
export type McpToolCallResult = { _meta?: JsonValue, content: Array<JsonValue>, structuredContent?: JsonValue, };
