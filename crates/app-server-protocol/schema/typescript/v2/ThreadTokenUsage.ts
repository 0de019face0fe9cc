// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { TokenUsageBreakdown } from "./TokenUsageBreakdown";

/**
 * Tokens a thread has used. The model's context is filled by `last.totalTokens` of `modelContextWindow`.
 */
export type ThreadTokenUsage = { 
/**
 * The last model response.
 */
last: TokenUsageBreakdown, 
/**
 * Tokens that fit, a safety margin taken off; null when unknown.
 */
modelContextWindow: number | null, 
/**
 * All model responses of the thread.
 */
total: TokenUsageBreakdown, };
