// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { Account } from "./Account";
import type { WorkspaceRouting } from "./WorkspaceRouting";

/**
 * Who is signed in.
 */
export type GetAccountResponse = { 
/**
 * Null: nobody, or the configured provider needs no account.
 */
account: Account | null, 
/**
 * Whether the configured provider needs somebody to be signed in.
 */
requiresOpenaiAuth: boolean, 
/**
 * The user id in the token, if there is one.
 */
userId: string | null, 
/**
 * Null: this server asks no backend where a workspace is.
 */
workspaceRouting: WorkspaceRouting | null, };
