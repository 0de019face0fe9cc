// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Sent with `thread/section/changed` when a thread was moved; a null section means it is in none.
 */
export type ThreadSectionChangedNotification = { sectionId: string | null, threadId: string, };
