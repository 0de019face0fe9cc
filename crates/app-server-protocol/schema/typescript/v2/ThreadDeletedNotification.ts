// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Sent with `thread/deleted` for each thread that was deleted.
 */
export type ThreadDeletedNotification = { threadId: string, };
