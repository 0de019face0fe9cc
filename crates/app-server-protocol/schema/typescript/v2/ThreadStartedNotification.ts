// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { Thread } from "./Thread";

/**
 * Sent with `thread/started` after a thread was made or forked, with its status. A resumed thread sends
 * `thread/status/changed` instead.
 */
export type ThreadStartedNotification = { thread: Thread, };
