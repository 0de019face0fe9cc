// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Whether there was one.
 */
export type ThreadGoalClearResponse = { cleared: boolean, };
