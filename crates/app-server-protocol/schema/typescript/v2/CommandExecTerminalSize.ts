// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Size of a terminal in characters.
 */
export type CommandExecTerminalSize = { cols: number, rows: number, };
