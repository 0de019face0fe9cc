// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { AllowDenyRequirement } from "./AllowDenyRequirement";

/**
 * An administrator's rules for programs of macOS, by bundle id.
 */
export type ComputerUseMacosRequirements = { bundleIds: { [key in string]: AllowDenyRequirement } | null, };
