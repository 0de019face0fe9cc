// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { AllowDenyRequirement } from "./AllowDenyRequirement";

/**
 * A program of Windows by who made it.
 */
export type ComputerUseWindowsExeConfig = { access: AllowDenyRequirement, 
/**
 * Null: all of the product's programs.
 */
binary_name: string | null, product_name: string, publisher_name: string, };
