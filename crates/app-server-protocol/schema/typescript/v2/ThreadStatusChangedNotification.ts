// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ThreadStatus } from "./ThreadStatus";

/**
 * Sent with `thread/status/changed` on every change, also between flags, and never twice with the same
 * value. `active` comes just before `turn/started`, `idle` just before `turn/completed`.
 */
export type ThreadStatusChangedNotification = { status: ThreadStatus, threadId: string, };
