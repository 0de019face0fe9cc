// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ThreadGoal } from "./ThreadGoal";

/**
 * The goal as it stands now.
 */
export type ThreadGoalSetResponse = { goal: ThreadGoal, };
