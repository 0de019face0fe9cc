// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Sent at once; the command appears as an item of the running turn, or of one of its own.
 */
export type ThreadShellCommandResponse = Record<symbol, never>;
