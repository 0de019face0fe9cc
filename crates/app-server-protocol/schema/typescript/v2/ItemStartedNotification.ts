// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ThreadItem } from "./ThreadItem";

/**
 * Sent with `item/started` when an item begins. Deltas may follow, and then `item/completed`; items of one
 * turn may overlap.
 */
export type ItemStartedNotification = { item: ThreadItem, 
/**
 * Unix milliseconds.
 */
startedAtMs: number, threadId: string, turnId: string, };
