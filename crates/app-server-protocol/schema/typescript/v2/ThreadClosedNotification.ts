// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Sent with `thread/closed` when a thread nobody was subscribed to was unloaded for lack of use. It is
 * still on disk and can be resumed.
 */
export type ThreadClosedNotification = { threadId: string, };
