// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { AllowDenyRequirement } from "./AllowDenyRequirement";
import type { ComputerUseWindowsExeConfig } from "./ComputerUseWindowsExeConfig";

/**
 * Programs of Windows, by application id or by publisher and product.
 */
export type ComputerUseWindowsConfig = { aumids: { [key in string]: AllowDenyRequirement } | null, exes: Array<ComputerUseWindowsExeConfig> | null, };
