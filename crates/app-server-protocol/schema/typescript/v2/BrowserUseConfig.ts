// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { BrowserUseOriginPolicyConfig } from "./BrowserUseOriginPolicyConfig";

/**
 * The table `browser_use`: which sites an agent's browser may open. Kept for clients that have one.
 */
export type BrowserUseConfig = { allow_history_access: boolean | null, default_origin_policy: BrowserUseOriginPolicyConfig | null, origins: { [key in string]: BrowserUseOriginPolicyConfig } | null, };
