// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Removes an attachment from a thread.
 */
export type ThreadAttachmentRemoveParams = { attachmentType: string, identityKey: string, threadId: string, };
