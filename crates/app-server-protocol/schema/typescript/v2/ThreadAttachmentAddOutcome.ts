// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Whether the attachment is new or was there.
 */
export type ThreadAttachmentAddOutcome = "created" | "existing";
