// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { AllowDenyRequirement } from "./AllowDenyRequirement";
import type { ComputerUseWindowsExeRequirement } from "./ComputerUseWindowsExeRequirement";

/**
 * An administrator's rules for programs of Windows.
 */
export type ComputerUseWindowsRequirements = { aumids: { [key in string]: AllowDenyRequirement } | null, exes: Array<ComputerUseWindowsExeRequirement> | null, };
