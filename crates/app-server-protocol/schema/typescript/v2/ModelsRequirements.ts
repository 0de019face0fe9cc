// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { NewThreadModelDefaults } from "./NewThreadModelDefaults";

/**
 * An administrator's rules for models.
 */
export type ModelsRequirements = { newThread: NewThreadModelDefaults | null, };
