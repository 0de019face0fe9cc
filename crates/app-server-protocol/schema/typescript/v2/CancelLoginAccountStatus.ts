// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * `notFound`: no login of this id waits, perhaps because it is done.
 */
export type CancelLoginAccountStatus = "canceled" | "notFound";
