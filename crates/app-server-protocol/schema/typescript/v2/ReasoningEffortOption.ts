// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ReasoningEffort } from "../ReasoningEffort";

/**
 * An effort a model knows.
 */
export type ReasoningEffortOption = { description: string, reasoningEffort: ReasoningEffort, };
