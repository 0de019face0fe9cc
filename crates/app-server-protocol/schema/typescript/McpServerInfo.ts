// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { JsonValue } from "./serde_json/JsonValue";

/**
 * What an MCP server says of itself.
 */
export type McpServerInfo = { description: string | null, icons: Array<JsonValue> | null, name: string, title: string | null, version: string, websiteUrl: string | null, };
