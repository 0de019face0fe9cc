// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { AllowDenyRequirement } from "./AllowDenyRequirement";

/**
 * Programs of macOS, by bundle id.
 */
export type ComputerUseMacosConfig = { bundle_ids: { [key in string]: AllowDenyRequirement } | null, };
