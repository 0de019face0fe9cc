// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Whether a hook may run. `modified`: it was trusted and has changed since.
 */
export type HookTrustStatus = "managed" | "untrusted" | "trusted" | "modified";
