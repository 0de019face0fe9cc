// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Empty: written.
 */
export type CommandExecWriteResponse = Record<symbol, never>;
