// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { BrowserUseExtensionRequirements } from "./BrowserUseExtensionRequirements";
import type { BrowserUseOriginPolicy } from "./BrowserUseOriginPolicy";

/**
 * An administrator's rules for an agent's browser; null leaves it to the user.
 */
export type BrowserUseRequirements = { allowGlobalPersistentApproval: boolean | null, allowHistoryAccess: boolean | null, allowWebmcp: boolean | null, defaultOriginPolicy: BrowserUseOriginPolicy | null, disableAutoReview: boolean | null, extension: BrowserUseExtensionRequirements | null, origins: { [key in string]: BrowserUseOriginPolicy } | null, };
