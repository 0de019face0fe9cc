// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ExperimentalFeature } from "./ExperimentalFeature";

/**
 * A page of feature switches.
 */
export type ExperimentalFeatureListResponse = { data: Array<ExperimentalFeature>, nextCursor: string | null, };
