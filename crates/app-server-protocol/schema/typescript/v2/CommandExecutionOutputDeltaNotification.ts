// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Sent with `item/commandExecution/outputDelta` as a command writes, standard output and error in the
 * order they came.
 */
export type CommandExecutionOutputDeltaNotification = { 
/**
 * Text to append; bytes that are not UTF-8 were replaced.
 */
delta: string, itemId: string, threadId: string, turnId: string, };
