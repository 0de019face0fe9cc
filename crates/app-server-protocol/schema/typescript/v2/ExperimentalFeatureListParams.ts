// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Asks for the feature switches there are.
 */
export type ExperimentalFeatureListParams = { cursor?: string | null, limit?: number | null, 
/**
 * As they stand for this thread; null: for new ones.
 */
threadId?: string | null, };
