// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { Config } from "./Config";
import type { ConfigLayer } from "./ConfigLayer";
import type { ConfigLayerMetadata } from "./ConfigLayerMetadata";

/**
 * The settings in force and where each comes from.
 */
export type ConfigReadResponse = { config: Config, 
/**
 * Highest precedence first; null unless asked for.
 */
layers: Array<ConfigLayer> | null, 
/**
 * The layer that won, by dotted key.
 */
origins: { [key in string]: ConfigLayerMetadata }, };
