// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ThreadItem } from "./ThreadItem";

/**
 * An item with its turn and times.
 */
export type ThreadItemEntry = { 
/**
 * Unix milliseconds; null while it runs or when not recorded.
 */
completedAtMs: number | null, item: ThreadItem, 
/**
 * Unix milliseconds; null when not recorded.
 */
startedAtMs: number | null, turnId: string, };
