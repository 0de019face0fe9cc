// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Credits an account has beyond its plan.
 */
export type CreditsSnapshot = { 
/**
 * As text, to be shown as it is.
 */
balance: string | null, hasCredits: boolean, unlimited: boolean, };
