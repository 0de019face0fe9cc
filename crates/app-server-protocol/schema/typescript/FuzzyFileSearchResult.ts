// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { FuzzyFileSearchMatchType } from "./FuzzyFileSearchMatchType";

/**
 * One hit.
 */
export type FuzzyFileSearchResult = { file_name: string, 
/**
 * Positions in `path` that matched the query, for highlighting; null when not computed.
 */
indices: Array<number> | null, match_type: FuzzyFileSearchMatchType, 
/**
 * Relative to `root`.
 */
path: string, 
/**
 * Which of the asked roots it lies in.
 */
root: string, 
/**
 * Higher is better; comparable within one answer only.
 */
score: number, };
