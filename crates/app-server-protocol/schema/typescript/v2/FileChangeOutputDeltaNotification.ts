// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Declared for older clients and never sent: the `fileChange` item says everything.
 */
export type FileChangeOutputDeltaNotification = { delta: string, itemId: string, threadId: string, turnId: string, };
