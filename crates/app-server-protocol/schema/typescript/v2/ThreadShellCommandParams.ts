// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Runs a command of the user's own in the thread's folder, without a sandbox.
 */
export type ThreadShellCommandParams = { 
/**
 * A shell line; must not be blank.
 */
command: string, threadId: string, timeoutMs?: number | null, };
