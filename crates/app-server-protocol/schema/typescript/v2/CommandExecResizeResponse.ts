// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Empty: resized.
 */
export type CommandExecResizeResponse = Record<symbol, never>;
