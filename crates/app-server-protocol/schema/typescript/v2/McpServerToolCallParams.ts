// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { JsonValue } from "../serde_json/JsonValue";

/**
 * Calls a tool of an MCP server for the client.
 */
export type McpServerToolCallParams = { _meta?: JsonValue | null, 
/**
 * A JSON object, checked by the server it goes to.
 */
arguments?: JsonValue | null, server: string, threadId: string, tool: string, };
