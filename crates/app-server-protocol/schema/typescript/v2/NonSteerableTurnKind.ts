// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * The kinds of turns that take no further input while they run.
 */
export type NonSteerableTurnKind = "review" | "compact";
