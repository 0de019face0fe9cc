// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Which set of sub-agent tools a model is given.
 */
export type MultiAgentVersion = "disabled" | "v1" | "v2";
