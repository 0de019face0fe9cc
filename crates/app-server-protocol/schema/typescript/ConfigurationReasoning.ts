// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ReasoningEffort } from "./ReasoningEffort";

/**
 * The reasoning settings of a configuration change.
 */
export type ConfigurationReasoning = { effort: ReasoningEffort, };
