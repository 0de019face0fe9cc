// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * What is to be done to sign in; the `type` is that of the request.
 */
export type LoginAccountResponse = { "type": "apiKey" } | { "type": "chatgpt", authUrl: string, loginId: string, } | { "type": "chatgptDeviceCode", loginId: string, userCode: string, verificationUrl: string, } | { "type": "chatgptAuthTokens" } | { "type": "amazonBedrock" };
