// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { Thread } from "./Thread";

/**
 * The thread as it is now.
 */
export type ThreadRevertResponse = { itemsBackwardsCursor: string | null, thread: Thread, turnsBackwardsCursor: string | null, };
