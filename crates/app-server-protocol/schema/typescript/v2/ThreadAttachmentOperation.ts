// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * What happened to an attachment.
 */
export type ThreadAttachmentOperation = "created" | "deleted";
