// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ThreadAttachment } from "./ThreadAttachment";
import type { ThreadAttachmentAddOutcome } from "./ThreadAttachmentAddOutcome";

/**
 * The attachment as it is stored now.
 */
export type ThreadAttachmentAddResponse = { attachment: ThreadAttachment, outcome: ThreadAttachmentAddOutcome, };
