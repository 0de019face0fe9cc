// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Empty: named; `thread/name/updated` follows.
 */
export type ThreadSetNameResponse = Record<symbol, never>;
