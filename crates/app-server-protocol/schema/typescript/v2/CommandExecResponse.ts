// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * How the command ended. Sent after it has ended and after all its output.
 */
export type CommandExecResponse = { 
/**
 * 124 after a timeout, 128 + n after signal n.
 */
exitCode: number, 
/**
 * Empty if it was streamed.
 */
stderr: string, 
/**
 * Empty if it was streamed.
 */
stdout: string, };
