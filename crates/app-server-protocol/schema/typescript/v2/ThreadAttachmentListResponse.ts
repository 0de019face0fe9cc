// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ThreadAttachment } from "./ThreadAttachment";

/**
 * A page of attachments.
 */
export type ThreadAttachmentListResponse = { data: Array<ThreadAttachment>, nextCursor: string | null, };
