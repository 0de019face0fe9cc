// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { Turn } from "./Turn";

/**
 * Sent with `turn/started` before the turn's first item. `startedAt` is set, `items` is empty.
 */
export type TurnStartedNotification = { threadId: string, turn: Turn, };
