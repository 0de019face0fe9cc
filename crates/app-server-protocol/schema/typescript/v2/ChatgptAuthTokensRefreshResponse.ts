// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Fresh tokens. Never written to disk.
 *
 * `{idToken, accessToken}` without an account id is understood as well: the id is read from the id token.
 */
export type ChatgptAuthTokensRefreshResponse = { 
/**
 * A JWT.
 */
accessToken: string, 
/**
 * The workspace the tokens are for.
 */
chatgptAccountId: string, 
/**
 * Null: read from the token.
 */
chatgptPlanType?: string | null, };
