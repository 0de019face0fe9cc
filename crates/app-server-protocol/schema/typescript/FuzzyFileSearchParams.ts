// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Asks for files whose path resembles `query`. An empty query or no roots find nothing.
 */
export type FuzzyFileSearchParams = { 
/**
 * A new request with the same token ends the one before, which answers with what it has.
 */
cancellationToken?: string | null, query: string, 
/**
 * Absolute folders to search in.
 */
roots: Array<string>, };
