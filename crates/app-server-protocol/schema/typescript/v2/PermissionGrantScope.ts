// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * How long a grant holds.
 */
export type PermissionGrantScope = "turn" | "session";
