// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ThreadGoalStatus } from "./ThreadGoalStatus";

/**
 * What a thread works towards. With an active one an idle thread starts turns by itself.
 */
export type ThreadGoal = { 
/**
 * Unix seconds.
 */
createdAt: number, objective: string, status: ThreadGoalStatus, threadId: string, 
/**
 * Time spent in turns since the goal was set.
 */
timeUsedSeconds: number, 
/**
 * Stops the goal when reached; null: no limit.
 */
tokenBudget: number | null, tokensUsed: number, 
/**
 * Unix seconds.
 */
updatedAt: number, };
