// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Empty, also when there was no such watch.
 */
export type FsUnwatchResponse = Record<symbol, never>;
