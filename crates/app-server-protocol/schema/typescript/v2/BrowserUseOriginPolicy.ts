// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { AllowDenyRequirement } from "./AllowDenyRequirement";
import type { BrowserUseAccessApprovalLifetime } from "./BrowserUseAccessApprovalLifetime";

/**
 * An administrator's rules for a site; null leaves it to the user.
 */
export type BrowserUseOriginPolicy = { access: AllowDenyRequirement | null, accessApprovalLifetime: BrowserUseAccessApprovalLifetime | null, autoReview: AllowDenyRequirement | null, downloads: AllowDenyRequirement | null, fullCdpAccess: AllowDenyRequirement | null, persistentApproval: boolean | null, uploads: AllowDenyRequirement | null, };
