// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Sent with `thread/goal/cleared` when a thread's goal was removed.
 */
export type ThreadGoalClearedNotification = { threadId: string, };
