// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * How a voucher stands.
 */
export type RateLimitResetCreditStatus = "available" | "redeeming" | "redeemed" | "unknown";
