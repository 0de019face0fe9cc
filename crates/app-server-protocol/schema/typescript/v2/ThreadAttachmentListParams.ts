// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Asks for a thread's attachments.
 */
export type ThreadAttachmentListParams = { cursor?: string | null, limit?: number | null, threadId: string, };
