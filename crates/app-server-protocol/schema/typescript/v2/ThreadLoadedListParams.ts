// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Asks which threads are in memory.
 */
export type ThreadLoadedListParams = { 
/**
 * `nextCursor` of an earlier answer.
 */
cursor?: string | null, 
/**
 * At most this many ids.
 */
limit?: number | null, };
