// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { HookRunSummary } from "./HookRunSummary";

/**
 * Sent with `hook/completed` when a hook has run.
 */
export type HookCompletedNotification = { run: HookRunSummary, threadId: string, turnId: string | null, };
