// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { CancelLoginAccountStatus } from "./CancelLoginAccountStatus";

/**
 * Tells whether there was such a login. If so `account/login/completed` follows, without success.
 */
export type CancelLoginAccountResponse = { status: CancelLoginAccountStatus, };
