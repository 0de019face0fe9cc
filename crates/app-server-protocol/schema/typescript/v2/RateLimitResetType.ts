// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * What a voucher resets.
 */
export type RateLimitResetType = "codexRateLimits" | "unknown";
