// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ConfigLayerSource } from "./ConfigLayerSource";
import type { JsonValue } from "../serde_json/JsonValue";

/**
 * One source of settings.
 */
export type ConfigLayer = { 
/**
 * What this source alone sets.
 */
config: JsonValue, 
/**
 * Why it does not take part, for example because the project is not trusted; left out when it does.
 */
disabledReason?: string, name: ConfigLayerSource, 
/**
 * Changes whenever the content does.
 */
version: string, };
