// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { AuthMode } from "../AuthMode";
import type { PlanType } from "../PlanType";

/**
 * Sent with `account/updated` after signing in or out.
 */
export type AccountUpdatedNotification = { 
/**
 * Null: nobody is signed in.
 */
authMode: AuthMode | null, 
/**
 * Null unless a ChatGPT account is signed in.
 */
planType: PlanType | null, };
