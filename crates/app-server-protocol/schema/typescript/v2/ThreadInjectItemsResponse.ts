// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Empty: appended.
 */
export type ThreadInjectItemsResponse = Record<symbol, never>;
