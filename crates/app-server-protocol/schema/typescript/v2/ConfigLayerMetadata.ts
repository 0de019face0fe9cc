// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ConfigLayerSource } from "./ConfigLayerSource";

/**
 * Names a layer and its version.
 */
export type ConfigLayerMetadata = { name: ConfigLayerSource, version: string, };
