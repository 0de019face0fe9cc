// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { JsonValue } from "./serde_json/JsonValue";

/**
 * A pattern of resources an MCP server offers.
 */
export type ResourceTemplate = { annotations?: JsonValue, description: string | null, mimeType: string | null, name: string, title: string | null, 
/**
 * As in RFC 6570.
 */
uriTemplate: string, };
