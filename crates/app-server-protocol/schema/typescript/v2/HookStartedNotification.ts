// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { HookRunSummary } from "./HookRunSummary";

/**
 * Sent with `hook/started` when a hook begins to run.
 */
export type HookStartedNotification = { run: HookRunSummary, threadId: string, turnId: string | null, };
