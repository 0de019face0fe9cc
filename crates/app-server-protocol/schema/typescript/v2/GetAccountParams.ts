// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Asks who is signed in.
 */
export type GetAccountParams = { 
/**
 * First refreshes tokens the server keeps; a failure to do so is ignored.
 */
refreshToken?: boolean, };
