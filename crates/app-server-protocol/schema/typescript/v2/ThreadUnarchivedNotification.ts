// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Sent with `thread/unarchived` when a thread came back from the archive.
 */
export type ThreadUnarchivedNotification = { threadId: string, };
