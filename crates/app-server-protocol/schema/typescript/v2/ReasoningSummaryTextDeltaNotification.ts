// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Sent with `item/reasoning/summaryTextDelta` as a part of the summary streams.
 */
export type ReasoningSummaryTextDeltaNotification = { 
/**
 * Text to append.
 */
delta: string, itemId: string, 
/**
 * Which part.
 */
summaryIndex: number, threadId: string, turnId: string, };
