// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { JsonValue } from "../serde_json/JsonValue";
import type { McpServerElicitationAction } from "./McpServerElicitationAction";

/**
 * The user's answer.
 */
export type McpServerElicitationRequestResponse = { _meta?: JsonValue | null, action: McpServerElicitationAction, 
/**
 * The fields of the form by name, with `accept`; null otherwise.
 */
content?: JsonValue | null, };
