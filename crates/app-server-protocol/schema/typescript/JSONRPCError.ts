// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { JSONRPCErrorError } from "./JSONRPCErrorError";
import type { RequestId } from "./RequestId";

/**
 * A refusal as a message of the schema.
 */
export type JSONRPCError = { 
/**
 * What went wrong.
 */
error: JSONRPCErrorError, 
/**
 * The id of the request.
 */
id: RequestId, };
