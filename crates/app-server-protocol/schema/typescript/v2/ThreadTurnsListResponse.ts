// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { Turn } from "./Turn";

/**
 * A page of turns.
 */
export type ThreadTurnsListResponse = { 
/**
 * Continues in the other direction.
 */
backwardsCursor: string | null, data: Array<Turn>, 
/**
 * Null on the last page.
 */
nextCursor: string | null, };
