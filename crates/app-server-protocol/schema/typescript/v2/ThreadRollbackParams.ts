// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Drops the last turns from the model's history. Files the turns changed stay as they are.
 */
export type ThreadRollbackParams = { 
/**
 * At least 1; more than there are drops all.
 */
numTurns: number, threadId: string, };
