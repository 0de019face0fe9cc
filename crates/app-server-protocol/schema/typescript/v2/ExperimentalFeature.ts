// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ExperimentalFeatureStage } from "./ExperimentalFeatureStage";

/**
 * A feature switch.
 */
export type ExperimentalFeature = { 
/**
 * A hint to show when it is new.
 */
announcement: string | null, defaultEnabled: boolean, description: string | null, displayName: string | null, enabled: boolean, 
/**
 * The key under `features` in the configuration file.
 */
name: string, stage: ExperimentalFeatureStage, };
