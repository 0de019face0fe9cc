// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Empty: the signal was sent.
 */
export type CommandExecTerminateResponse = Record<symbol, never>;
