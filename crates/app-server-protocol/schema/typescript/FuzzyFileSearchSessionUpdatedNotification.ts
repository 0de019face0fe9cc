// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { FuzzyFileSearchResult } from "./FuzzyFileSearchResult";

/**
 * Sent with `fuzzyFileSearch/sessionUpdated` as results arrive; `files` replaces what was sent before.
 */
export type FuzzyFileSearchSessionUpdatedNotification = { files: Array<FuzzyFileSearchResult>, 
/**
 * The query these results belong to, perhaps not the latest one.
 */
query: string, sessionId: string, };
