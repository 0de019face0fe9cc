// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Ends a login that waits for the user.
 */
export type CancelLoginAccountParams = { 
/**
 * From the answer to `account/login/start`; a UUID.
 */
loginId: string, };
