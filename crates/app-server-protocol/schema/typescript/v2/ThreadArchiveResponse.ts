// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Empty: archived; `thread/archived` follows.
 */
export type ThreadArchiveResponse = Record<symbol, never>;
