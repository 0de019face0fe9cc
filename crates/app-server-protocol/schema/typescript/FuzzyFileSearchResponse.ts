// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { FuzzyFileSearchResult } from "./FuzzyFileSearchResult";

/**
 * At most 50 hits, best first, ties in order of the path.
 */
export type FuzzyFileSearchResponse = { files: Array<FuzzyFileSearchResult>, };
