// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { RateLimitResetCreditStatus } from "./RateLimitResetCreditStatus";
import type { RateLimitResetType } from "./RateLimitResetType";

/**
 * A voucher that resets a limit. Never sent by this server.
 */
export type RateLimitResetCredit = { description: string | null, 
/**
 * Unix seconds.
 */
expiresAt: number | null, 
/**
 * Unix seconds.
 */
grantedAt: number, id: string, resetType: RateLimitResetType, status: RateLimitResetCreditStatus, title: string | null, };
