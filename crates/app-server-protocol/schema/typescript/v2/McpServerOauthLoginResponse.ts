// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Where the user is to sign in.
 */
export type McpServerOauthLoginResponse = { 
/**
 * To be opened in a browser on the machine the server runs on.
 */
authorizationUrl: string, loginId: string | null, };
