// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * A part of the raw reasoning.
 */
export type ReasoningItemContent = { "type": "reasoning_text", text: string, } | { "type": "text", text: string, };
