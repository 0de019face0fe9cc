// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { Thread } from "./Thread";

/**
 * The thread with the turns that are left.
 */
export type ThreadRollbackResponse = { thread: Thread, };
