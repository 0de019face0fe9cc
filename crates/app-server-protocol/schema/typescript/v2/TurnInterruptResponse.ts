// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Sent at once; the turn is over when `turn/completed` says `interrupted`.
 */
export type TurnInterruptResponse = Record<symbol, never>;
