// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Sent with `thread/archived` for each thread that was archived.
 */
export type ThreadArchivedNotification = { threadId: string, };
