// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { Turn } from "./Turn";

/**
 * Sent with `turn/completed` as the last message of a turn, whether it completed, failed or was
 * interrupted. The thread's file on disk is complete by then.
 */
export type TurnCompletedNotification = { threadId: string, turn: Turn, };
