// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Asks for one thread, loaded or stored, without loading it.
 */
export type ThreadReadParams = { 
/**
 * Also rebuilds `thread.turns`.
 */
includeTurns?: boolean, threadId: string, };
