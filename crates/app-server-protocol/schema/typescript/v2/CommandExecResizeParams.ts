// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { CommandExecTerminalSize } from "./CommandExecTerminalSize";

/**
 * Changes the size of a running command's terminal.
 */
export type CommandExecResizeParams = { processId: string, size: CommandExecTerminalSize, };
