// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { JsonValue } from "../serde_json/JsonValue";
import type { McpElicitationSchema } from "./McpElicitationSchema";

/**
 * An MCP server wants to know something from the user. An error as answer, or the end of the turn, counts
 * as `cancel`.
 */
export type McpServerElicitationRequestParams = { serverName: string, threadId: string, 
/**
 * Null when no turn is running.
 */
turnId: string | null, } & ({ "mode": "form", _meta?: JsonValue | null, message: string, requestedSchema: McpElicitationSchema, } | { "mode": "openai/form", _meta?: JsonValue | null, message: string, requestedSchema: JsonValue, } | { "mode": "openaiForm", _meta?: JsonValue | null, message: string, requestedSchema: JsonValue, } | { "mode": "url", _meta?: JsonValue | null, elicitationId: string, message: string, url: string, });
