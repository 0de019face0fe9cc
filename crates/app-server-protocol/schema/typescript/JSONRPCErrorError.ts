// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { JsonValue } from "./serde_json/JsonValue";

/**
 * The error object of a reply.
 */
export type JSONRPCErrorError = { 
/**
 * One of [`code`], or what a client chose.
 */
code: number, 
/**
 * What a program may look at, where a method defines it.
 */
data?: JsonValue, 
/**
 * What a person reads.
 */
message: string, };
