// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ThreadItem } from "./ThreadItem";

/**
 * Sent with `item/completed` when an item is done; what it carries is final, whatever the deltas said.
 *
 * A message whose stream was cut off or interrupted never completes: forget it when its turn ends, or when
 * the answer is repeated as a new item.
 */
export type ItemCompletedNotification = { 
/**
 * Unix milliseconds.
 */
completedAtMs: number, 
/**
 * Always null from this server.
 */
contentTokenCount: number | null, item: ThreadItem, threadId: string, turnId: string, };
