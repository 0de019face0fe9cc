// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { Thread } from "./Thread";

/**
 * The thread, not loaded.
 */
export type ThreadUnarchiveResponse = { thread: Thread, };
