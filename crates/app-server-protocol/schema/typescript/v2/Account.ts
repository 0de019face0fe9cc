// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { PlanType } from "../PlanType";

/**
 * Who is signed in.
 */
export type Account = { "type": "apiKey" } | { "type": "chatgpt", 
/**
 * Null when the token does not say.
 */
email: string | null, planType: PlanType, 
/**
 * Always null from this server.
 */
workspaceName: string | null, } | { "type": "amazonBedrock", usesCodexManagedCredentials: boolean, } | { "type": "gcp" };
