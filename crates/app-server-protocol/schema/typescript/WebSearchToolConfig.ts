// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { WebSearchContextSize } from "./WebSearchContextSize";
import type { WebSearchLocation } from "./WebSearchLocation";

/**
 * The table `tools.web_search`.
 */
export type WebSearchToolConfig = { 
/**
 * Null: all.
 */
allowed_domains: Array<string> | null, context_size: WebSearchContextSize | null, location: WebSearchLocation | null, };
