// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Empty: the path is gone.
 */
export type FsRemoveResponse = Record<symbol, never>;
