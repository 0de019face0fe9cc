// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { JsonValue } from "../serde_json/JsonValue";
import type { RateLimitResetCreditsSummary } from "./RateLimitResetCreditsSummary";
import type { RateLimitSnapshot } from "./RateLimitSnapshot";

/**
 * The account's limits, asked from its backend. Refused unless a ChatGPT account is signed in.
 */
export type GetAccountRateLimitsResponse = { accountId: string | null, ordinaryUsageAllowed: boolean | null, rateLimitResetCredits: RateLimitResetCreditsSummary | null, rateLimitUpsell?: JsonValue, 
/**
 * The limit that applies to agents.
 */
rateLimits: RateLimitSnapshot, 
/**
 * All limits the account has, by id.
 */
rateLimitsByLimitId: { [key in string]: RateLimitSnapshot } | null, };
