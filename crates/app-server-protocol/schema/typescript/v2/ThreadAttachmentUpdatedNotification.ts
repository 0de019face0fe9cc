// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ThreadAttachmentOperation } from "./ThreadAttachmentOperation";

/**
 * Sent with `thread/attachment/updated` when an attachment was added or removed.
 */
export type ThreadAttachmentUpdatedNotification = { attachmentId: string, attachmentType: string, identityKey: string, operation: ThreadAttachmentOperation, threadId: string, };
