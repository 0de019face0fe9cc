// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * The switches that were taken over.
 */
export type ExperimentalFeatureEnablementSetResponse = { enablement: { [key in string]: boolean }, };
