// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { TurnError } from "./TurnError";

/**
 * Sent with `error` when a model request of a running turn failed. With `willRetry` true it is only a
 * notice and the turn goes on; with false `turn/completed` follows, failed with the same error.
 */
export type ErrorNotification = { error: TurnError, threadId: string, turnId: string, 
/**
 * Whether the server tries again by itself.
 */
willRetry: boolean, };
