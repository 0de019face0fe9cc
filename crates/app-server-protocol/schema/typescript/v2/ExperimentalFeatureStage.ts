// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * How far a feature is.
 */
export type ExperimentalFeatureStage = "beta" | "underDevelopment" | "stable" | "deprecated" | "removed";
