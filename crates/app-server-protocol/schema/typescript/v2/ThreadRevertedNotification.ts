// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Sent with `thread/reverted` when a thread's history was cut.
 */
export type ThreadRevertedNotification = { threadId: string, };
