// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { RateLimitSnapshot } from "./RateLimitSnapshot";

/**
 * Sent with `account/rateLimits/updated` after a model response that told the limits. Null members are
 * unknown, not zero: keep what was known before.
 */
export type AccountRateLimitsUpdatedNotification = { rateLimits: RateLimitSnapshot, };
