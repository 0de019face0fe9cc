// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Where a review runs: `inline` in the thread itself, `detached` in a fork of it.
 */
export type ReviewDelivery = "inline" | "detached";
