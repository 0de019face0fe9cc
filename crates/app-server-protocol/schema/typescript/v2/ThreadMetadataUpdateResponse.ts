// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { Thread } from "./Thread";

/**
 * The thread as it is recorded now.
 */
export type ThreadMetadataUpdateResponse = { thread: Thread, };
