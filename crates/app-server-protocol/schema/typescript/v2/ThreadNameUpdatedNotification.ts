// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Sent with `thread/name/updated` when a thread was renamed.
 */
export type ThreadNameUpdatedNotification = { threadId: string, 
/**
 * Null when the name was removed.
 */
threadName: string | null, };
