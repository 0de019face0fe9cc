// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { AllowDenyRequirement } from "./AllowDenyRequirement";

/**
 * What an agent's browser may do on a site; null: ask.
 */
export type BrowserUseOriginPolicyConfig = { access: AllowDenyRequirement | null, downloads: AllowDenyRequirement | null, full_cdp_access: AllowDenyRequirement | null, uploads: AllowDenyRequirement | null, };
