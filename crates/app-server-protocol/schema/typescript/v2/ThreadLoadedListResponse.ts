// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Ids of threads in memory.
 */
export type ThreadLoadedListResponse = { data: Array<string>, 
/**
 * Null on the last page.
 */
nextCursor: string | null, };
