// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * A thread that has a certain attachment.
 */
export type ThreadAttachmentOwner = { archived: boolean, threadId: string, };
