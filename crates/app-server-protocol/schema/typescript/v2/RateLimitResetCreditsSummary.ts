// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { RateLimitResetCredit } from "./RateLimitResetCredit";

/**
 * Vouchers an account has. Never sent by this server.
 */
export type RateLimitResetCreditsSummary = { availableCount: number, credits: Array<RateLimitResetCredit> | null, };
