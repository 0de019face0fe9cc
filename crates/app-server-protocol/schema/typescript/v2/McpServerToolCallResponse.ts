// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { JsonValue } from "../serde_json/JsonValue";

/**
 * What the tool gave; a tool's own failure is a result with `isError`.
 */
export type McpServerToolCallResponse = { _meta?: JsonValue, content: Array<JsonValue>, isError: boolean | null, structuredContent?: JsonValue, };
