// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * The W3C trace of a request. Accepted and ignored.
 */
export type W3cTraceContext = { 
/**
 * The `traceparent` header.
 */
traceparent: string | null, 
/**
 * The `tracestate` header.
 */
tracestate: string | null, };
