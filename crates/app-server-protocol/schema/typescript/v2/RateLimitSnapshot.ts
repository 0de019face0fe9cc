// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { CreditsSnapshot } from "./CreditsSnapshot";
import type { PlanType } from "../PlanType";
import type { RateLimitReachedType } from "./RateLimitReachedType";
import type { RateLimitWindow } from "./RateLimitWindow";
import type { SpendControlLimitSnapshot } from "./SpendControlLimitSnapshot";

/**
 * How much of a limit is used. Null members are unknown.
 */
export type RateLimitSnapshot = { 
/**
 * Credits beyond the plan.
 */
credits: CreditsSnapshot | null, 
/**
 * A spending limit of this user in a workspace.
 */
individualLimit: SpendControlLimitSnapshot | null, 
/**
 * `codex` for the limit of agents.
 */
limitId: string | null, 
/**
 * For display.
 */
limitName: string | null, normalModelSlug: string | null, planType: PlanType | null, 
/**
 * The shorter window.
 */
primary: RateLimitWindow | null, 
/**
 * Null while no limit is reached.
 */
rateLimitReachedType: RateLimitReachedType | null, 
/**
 * The longer window.
 */
secondary: RateLimitWindow | null, spendControlReached: boolean | null, };
