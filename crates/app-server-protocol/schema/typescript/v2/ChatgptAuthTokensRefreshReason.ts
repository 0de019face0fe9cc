// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Why new tokens are needed: the model answered 401.
 */
export type ChatgptAuthTokensRefreshReason = "unauthorized";
