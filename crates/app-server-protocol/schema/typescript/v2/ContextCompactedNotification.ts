// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Sent with `thread/compacted` after a turn's compaction: the model history was replaced by a summary. The
 * `contextCompaction` item says the same; this is kept for clients that read only the older message.
 */
export type ContextCompactedNotification = { threadId: string, turnId: string, };
