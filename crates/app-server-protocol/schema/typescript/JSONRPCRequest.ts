// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { JsonValue } from "./serde_json/JsonValue";
import type { RequestId } from "./RequestId";
import type { W3cTraceContext } from "./W3cTraceContext";

/**
 * A request as a message of the schema.
 */
export type JSONRPCRequest = { 
/**
 * Chosen by the asker.
 */
id: RequestId, 
/**
 * The method's name.
 */
method: string, 
/**
 * The method's params.
 */
params?: JsonValue, 
/**
 * The caller's trace.
 */
trace?: W3cTraceContext, };
