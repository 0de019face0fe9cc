// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Ends a watch.
 */
export type FsUnwatchParams = { watchId: string, };
