// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Empty: gone; `thread/deleted` follows for each thread.
 */
export type ThreadDeleteResponse = Record<symbol, never>;
