// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Sent at once; the turn follows with a `contextCompaction` item.
 */
export type ThreadCompactStartResponse = Record<symbol, never>;
