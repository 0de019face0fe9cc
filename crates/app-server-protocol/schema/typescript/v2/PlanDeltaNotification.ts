// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Sent with `item/plan/delta` as a proposed plan streams. The completed item's text is what counts.
 */
export type PlanDeltaNotification = { 
/**
 * Text to append.
 */
delta: string, itemId: string, threadId: string, turnId: string, };
