// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { JsonValue } from "./serde_json/JsonValue";
import type { RequestId } from "./RequestId";

/**
 * An answer as a message of the schema.
 */
export type JSONRPCResponse = { 
/**
 * The id of the request.
 */
id: RequestId, 
/**
 * The method's result.
 */
result: JsonValue, };
