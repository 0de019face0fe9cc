// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * A way of signing in.
 */
export type ForcedLoginMethod = "chatgpt" | "api";
