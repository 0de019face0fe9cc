// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ThreadAttachmentOwner } from "./ThreadAttachmentOwner";

/**
 * A page of threads.
 */
export type ThreadAttachmentOwnerListResponse = { data: Array<ThreadAttachmentOwner>, nextCursor: string | null, };
