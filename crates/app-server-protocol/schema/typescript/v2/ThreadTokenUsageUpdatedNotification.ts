// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ThreadTokenUsage } from "./ThreadTokenUsage";

/**
 * Sent with `thread/tokenUsage/updated` after each model response, and after a resume with the numbers on
 * record.
 */
export type ThreadTokenUsageUpdatedNotification = { threadId: string, tokenUsage: ThreadTokenUsage, 
/**
 * The turn the response belonged to.
 */
turnId: string, };
