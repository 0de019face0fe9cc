// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Tokens by kind, as the model API counted them.
 */
export type TokenUsageBreakdown = { 
/**
 * Part of the input written to the provider's cache.
 */
cacheWriteInputTokens: number, 
/**
 * Part of the input read from the provider's cache.
 */
cachedInputTokens: number, 
/**
 * With the cached ones.
 */
inputTokens: number, 
/**
 * With those of the reasoning.
 */
outputTokens: number, 
/**
 * Part of the output spent on reasoning.
 */
reasoningOutputTokens: number, totalTokens: number, };
