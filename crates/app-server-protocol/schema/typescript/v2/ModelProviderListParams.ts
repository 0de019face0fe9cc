// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Asks for the providers there are.
 */
export type ModelProviderListParams = Record<symbol, never>;
