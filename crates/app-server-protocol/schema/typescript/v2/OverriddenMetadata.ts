// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ConfigLayerMetadata } from "./ConfigLayerMetadata";
import type { JsonValue } from "../serde_json/JsonValue";

/**
 * Why a written value has no effect.
 */
export type OverriddenMetadata = { 
/**
 * What is in force instead.
 */
effectiveValue: JsonValue, 
/**
 * For a person to read.
 */
message: string, overridingLayer: ConfigLayerMetadata, };
