// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Sent with `item/commandExecution/terminalInteraction` when the agent writes to a command that is
 * running.
 */
export type TerminalInteractionNotification = { 
/**
 * The item that started the command.
 */
itemId: string, 
/**
 * The item's `processId`.
 */
processId: string, 
/**
 * What was written; empty when the agent only looked for more output.
 */
stdin: string, threadId: string, turnId: string, };
