// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * A path as text in the form of the machine it belongs to, usually absolute.
 */
export type LegacyAppPathString = string;
