// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Asks what the account may still use. Params may be left out.
 */
export type GetAccountRateLimitsParams = { 
/**
 * Accepted and without effect.
 */
excludeResetCreditDetails?: boolean, 
/**
 * Accepted and without effect.
 */
supportsLunaReserve?: boolean, };
