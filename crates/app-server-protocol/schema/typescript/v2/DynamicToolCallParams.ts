// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { JsonValue } from "../serde_json/JsonValue";

/**
 * Asks the client to run one of its tools. There is no time limit; an error as answer fails the call, and
 * the turn goes on.
 */
export type DynamicToolCallParams = { 
/**
 * As the model gave them; not checked against the tool's schema.
 */
arguments: JsonValue, 
/**
 * Also the id of the `dynamicToolCall` item.
 */
callId: string, 
/**
 * Null for a tool outside a namespace.
 */
namespace: string | null, threadId: string, tool: string, turnId: string, };
