// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Sent with `item/reasoning/textDelta` as raw reasoning streams; only if the configuration shows it and
 * the provider gives it.
 */
export type ReasoningTextDeltaNotification = { 
/**
 * Which part; the index into the item's `content`.
 */
contentIndex: number, 
/**
 * Text to append.
 */
delta: string, itemId: string, threadId: string, turnId: string, };
