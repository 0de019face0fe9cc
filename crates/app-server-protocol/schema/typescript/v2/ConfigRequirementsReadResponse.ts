// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ConfigRequirements } from "./ConfigRequirements";

/**
 * What an administrator demands.
 */
export type ConfigRequirementsReadResponse = { 
/**
 * Null: nothing.
 */
requirements: ConfigRequirements | null, 
/**
 * Always null from this server.
 */
supportsIndependentSpeedModes: boolean | null, };
