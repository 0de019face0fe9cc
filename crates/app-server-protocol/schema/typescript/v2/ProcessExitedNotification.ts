// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Sent with `process/exited` as the last word about a spawned process.
 */
export type ProcessExitedNotification = { 
/**
 * 128 + n after signal n.
 */
exitCode: number, 
/**
 * Whether output was cut because something kept the pipe open after the exit.
 */
outputDrainTimedOut: boolean | null, processHandle: string, 
/**
 * Empty if it was streamed.
 */
stderr: string, stderrCapReached: boolean, 
/**
 * Empty if it was streamed.
 */
stdout: string, stdoutCapReached: boolean, };
