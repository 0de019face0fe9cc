// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { Thread } from "./Thread";

/**
 * A page of threads without their turns.
 */
export type ThreadListResponse = { 
/**
 * Continues in the other direction; null on an empty page.
 */
backwardsCursor: string | null, data: Array<Thread>, 
/**
 * Null on the last page.
 */
nextCursor: string | null, };
