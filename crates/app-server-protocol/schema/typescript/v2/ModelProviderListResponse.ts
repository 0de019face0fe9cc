// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ModelProviderSummary } from "./ModelProviderSummary";

/**
 * Built-in and configured providers.
 */
export type ModelProviderListResponse = { 
/**
 * Whether the configuration allows another default.
 */
canChangeDefault: boolean, data: Array<ModelProviderSummary>, defaultProviderId: string, };
