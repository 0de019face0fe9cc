// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Where data has to stay.
 */
export type ResidencyRequirement = "us";
