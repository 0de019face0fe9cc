// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * `okOverridden`: written, but a higher layer keeps it from taking effect.
 */
export type WriteStatus = "ok" | "okOverridden";
