// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ThreadGoal } from "./ThreadGoal";

/**
 * The goal, or null.
 */
export type ThreadGoalGetResponse = { goal: ThreadGoal | null, };
