// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ThreadGoalMutationOrigin } from "./ThreadGoalMutationOrigin";
import type { ThreadGoalStatus } from "./ThreadGoalStatus";

/**
 * Sets or changes a thread's goal; what is null stays as it is.
 */
export type ThreadGoalSetParams = { 
/**
 * Must not be blank.
 */
objective?: string | null, origin?: ThreadGoalMutationOrigin | null, status?: ThreadGoalStatus | null, threadId: string, 
/**
 * Must be positive.
 */
tokenBudget?: number | null, };
