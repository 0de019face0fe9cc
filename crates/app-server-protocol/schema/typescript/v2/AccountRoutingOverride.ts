// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * A region the requests of a workspace stay in.
 */
export type AccountRoutingOverride = "NO_CONSTRAINT" | "us" | "us_cr";
