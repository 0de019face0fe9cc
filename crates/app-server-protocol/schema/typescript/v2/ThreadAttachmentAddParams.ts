// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { JsonValue } from "../serde_json/JsonValue";

/**
 * Ties something to a thread.
 */
export type ThreadAttachmentAddParams = { attachmentType: string, identityKey: string, payload: JsonValue, threadId: string, };
