// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * How a goal stands; only an `active` one starts turns.
 */
export type ThreadGoalStatus = "active" | "paused" | "blocked" | "usageLimited" | "budgetLimited" | "complete";
