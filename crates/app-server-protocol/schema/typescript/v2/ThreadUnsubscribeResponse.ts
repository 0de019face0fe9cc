// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ThreadUnsubscribeStatus } from "./ThreadUnsubscribeStatus";

/**
 * Tells what the subscription was.
 */
export type ThreadUnsubscribeResponse = { status: ThreadUnsubscribeStatus, };
