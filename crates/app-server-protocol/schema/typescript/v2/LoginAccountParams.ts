// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { LoginAppBrand } from "./LoginAppBrand";

/**
 * Signs in. The answer has the same `type`. A login that waits for the user is cancelled by the next one;
 * `account/login/completed` and `account/updated` tell the end.
 */
export type LoginAccountParams = { "type": "apiKey", apiKey: string, } | { "type": "chatgpt", 
/**
 * Accepted and without effect.
 */
appBrand: LoginAppBrand | null, 
/**
 * Accepted and without effect.
 */
codexStreamlinedLogin?: boolean, 
/**
 * Accepted and without effect: the server has a page of its own.
 */
useHostedLoginSuccessPage?: boolean, } | { "type": "chatgptDeviceCode" } | { "type": "chatgptAuthTokens", 
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
chatgptPlanType: string | null, } | { "type": "amazonBedrock", apiKey: string, region: string, } | { "type": "amazonBedrockAccessKeys", accessKeyId: string, region: string, secretAccessKey: string, sessionToken: string | null, };
