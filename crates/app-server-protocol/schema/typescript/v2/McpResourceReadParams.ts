// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { JsonValue } from "../serde_json/JsonValue";
import type { McpResourceReadTarget } from "./McpResourceReadTarget";

/**
 * Asks an MCP server for a resource.
 */
export type McpResourceReadParams = { _meta?: { [key in string]: JsonValue } | null, connectorId?: string | null, originCallId?: string | null, server: string, target?: McpResourceReadTarget | null, 
/**
 * Through this thread's connection; null: one made for it.
 */
threadId?: string | null, uri: string, };
