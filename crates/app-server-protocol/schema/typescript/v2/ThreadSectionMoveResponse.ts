// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Empty: moved.
 */
export type ThreadSectionMoveResponse = Record<symbol, never>;
