// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { AllowDenyRequirement } from "./AllowDenyRequirement";

/**
 * An administrator's rule for a program of Windows.
 */
export type ComputerUseWindowsExeRequirement = { access: AllowDenyRequirement, 
/**
 * Null: all of the product's programs.
 */
binaryName: string | null, productName: string, publisherName: string, };
