// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Sent with `item/agentMessage/delta` as a message streams. The completed item's text is what counts,
 * should the deltas differ from it.
 */
export type AgentMessageDeltaNotification = { 
/**
 * Text to append.
 */
delta: string, itemId: string, threadId: string, turnId: string, };
