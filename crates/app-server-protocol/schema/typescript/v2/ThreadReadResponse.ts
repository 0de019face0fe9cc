// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { Thread } from "./Thread";

/**
 * The thread.
 */
export type ThreadReadResponse = { thread: Thread, };
