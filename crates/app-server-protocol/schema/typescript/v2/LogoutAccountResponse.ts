// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Empty: nobody is signed in any more, and `account/updated` follows. Not an error if nobody was.
 */
export type LogoutAccountResponse = Record<symbol, never>;
