// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ChatgptAuthTokensRefreshReason } from "./ChatgptAuthTokensRefreshReason";

/**
 * Asks the client for fresh tokens, because the model refused those it had brought. Without an answer
 * within 10 seconds the turn fails.
 */
export type ChatgptAuthTokensRefreshParams = { 
/**
 * The workspace of the tokens that were refused.
 */
previousAccountId: string | null, reason: ChatgptAuthTokensRefreshReason, };
