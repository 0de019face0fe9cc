// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { JsonValue } from "./serde_json/JsonValue";

/**
 * A tool an MCP server offers.
 */
export type Tool = { _meta?: JsonValue, annotations?: JsonValue, description: string | null, icons: Array<JsonValue> | null, 
/**
 * JSON Schema of the arguments.
 */
inputSchema: JsonValue, name: string, 
/**
 * JSON Schema of the structured result.
 */
outputSchema?: JsonValue, title: string | null, };
