// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Sent with `item/reasoning/summaryPartAdded` when a new part of the summary begins.
 */
export type ReasoningSummaryPartAddedNotification = { itemId: string, 
/**
 * Counts the parts from 0; the index into the item's `summary`.
 */
summaryIndex: number, threadId: string, turnId: string, };
