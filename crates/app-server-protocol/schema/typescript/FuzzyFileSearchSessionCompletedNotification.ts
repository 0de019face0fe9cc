// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Sent with `fuzzyFileSearch/sessionCompleted` when the latest query of a session has all its results.
 */
export type FuzzyFileSearchSessionCompletedNotification = { sessionId: string, };
