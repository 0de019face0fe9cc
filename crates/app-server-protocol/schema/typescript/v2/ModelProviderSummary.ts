// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ProviderSettings } from "./ProviderSettings";

/**
 * A model provider.
 */
export type ModelProviderSummary = { baseUrl: string | null, 
/**
 * Whether it comes from the user's configuration file.
 */
canEdit: boolean, 
/**
 * What to give as `modelProvider` to `thread/start`.
 */
id: string, name: string, settings: ProviderSettings, };
