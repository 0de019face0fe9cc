// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { CommandExecTerminalSize } from "./CommandExecTerminalSize";
import type { SandboxPolicy } from "./SandboxPolicy";

/**
 * Runs a command to its end inside the configured sandbox. With `processId` its input and output can be
 * streamed.
 */
export type CommandExecParams = { 
/**
 * Program and arguments; not a shell line. Must not be empty.
 */
command: Array<string>, 
/**
 * Relative to the server's own folder.
 */
cwd?: string | null, 
/**
 * Keeps all output; excludes `outputBytesCap`.
 */
disableOutputCap?: boolean, 
/**
 * Lets it run for ever; excludes `timeoutMs`.
 */
disableTimeout?: boolean, 
/**
 * Variables to set, or with null to remove.
 */
env?: { [key in string]: string | null } | null, 
/**
 * Limit per stream in bytes; 1 MiB when absent.
 */
outputBytesCap?: number | null, 
/**
 * The client's name for it, unique on its connection; needed to stream, write, resize or terminate.
 */
processId?: string | null, 
/**
 * Null: the configured one.
 */
sandboxPolicy?: SandboxPolicy | null, 
/**
 * Of the terminal; only with `tty`.
 */
size?: CommandExecTerminalSize | null, 
/**
 * Keeps its input open for `command/exec/write`.
 */
streamStdin?: boolean, 
/**
 * Sends output as notifications; the answer's texts are empty then.
 */
streamStdoutStderr?: boolean, 
/**
 * 10 seconds when absent.
 */
timeoutMs?: number | null, 
/**
 * Gives it a terminal.
 */
tty?: boolean};
