// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Asks for a thread's goal.
 */
export type ThreadGoalGetParams = { threadId: string, };
