// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Sent with `turn/diff/updated` after each applied file change and before the turn ends.
 */
export type TurnDiffUpdatedNotification = { 
/**
 * Everything the turn has changed so far, as one unified git diff; it replaces the one before it.
 */
diff: string, threadId: string, turnId: string, };
