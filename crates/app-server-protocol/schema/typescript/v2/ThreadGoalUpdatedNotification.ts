// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ThreadGoal } from "./ThreadGoal";

/**
 * Sent with `thread/goal/updated` when a thread's goal changed.
 */
export type ThreadGoalUpdatedNotification = { goal: ThreadGoal, threadId: string, 
/**
 * The turn in which the agent changed it; null when a client did.
 */
turnId: string | null, };
