// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Empty: copied.
 */
export type FsCopyResponse = Record<symbol, never>;
