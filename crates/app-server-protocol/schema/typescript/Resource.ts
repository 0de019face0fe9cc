// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { JsonValue } from "./serde_json/JsonValue";

/**
 * A resource an MCP server offers.
 */
export type Resource = { _meta?: JsonValue, annotations?: JsonValue, description: string | null, icons: Array<JsonValue> | null, mimeType: string | null, name: string, 
/**
 * In bytes.
 */
size: number | null, title: string | null, uri: string, };
