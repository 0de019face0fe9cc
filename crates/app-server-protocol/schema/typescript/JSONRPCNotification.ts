// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { JsonValue } from "./serde_json/JsonValue";

/**
 * A notification as a message of the schema.
 */
export type JSONRPCNotification = { 
/**
 * The method's name.
 */
method: string, 
/**
 * The method's params.
 */
params?: JsonValue, };
