// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ResponseItem } from "../ResponseItem";

/**
 * Sent with `rawResponseItem/completed` for each item of the model's history, in a thread started with
 * `experimentalRawEvents`.
 */
export type RawResponseItemCompletedNotification = { item: ResponseItem, threadId: string, turnId: string, };
