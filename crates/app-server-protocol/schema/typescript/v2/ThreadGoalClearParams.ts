// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ThreadGoalMutationOrigin } from "./ThreadGoalMutationOrigin";

/**
 * Removes a thread's goal.
 */
export type ThreadGoalClearParams = { origin?: ThreadGoalMutationOrigin | null, threadId: string, };
