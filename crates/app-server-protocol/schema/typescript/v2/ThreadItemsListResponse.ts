// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ThreadItemEntry } from "./ThreadItemEntry";

/**
 * A page of items.
 */
export type ThreadItemsListResponse = { 
/**
 * Continues in the other direction.
 */
backwardsCursor: string | null, data: Array<ThreadItemEntry>, 
/**
 * Null on the last page.
 */
nextCursor: string | null, };
