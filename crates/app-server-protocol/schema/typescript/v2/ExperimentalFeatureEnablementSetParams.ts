// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Turns features on or off for this process; unknown names are left out.
 */
export type ExperimentalFeatureEnablementSetParams = { enablement: { [key in string]: boolean }, };
