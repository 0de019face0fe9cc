// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Empty: the attachment is gone.
 */
export type ThreadAttachmentRemoveResponse = Record<symbol, never>;
