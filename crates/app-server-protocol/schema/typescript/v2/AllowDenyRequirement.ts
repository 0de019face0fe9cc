// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * A rule that allows or denies.
 */
export type AllowDenyRequirement = "allow" | "deny";
