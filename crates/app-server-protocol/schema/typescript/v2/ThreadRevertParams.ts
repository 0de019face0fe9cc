// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Cuts a thread's history before a turn.
 */
export type ThreadRevertParams = { 
/**
 * The first turn to drop.
 */
beforeTurnId: string, threadId: string, };
