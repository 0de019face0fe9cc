// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Asks what the configured provider can do.
 */
export type ModelProviderCapabilitiesReadParams = Record<symbol, never>;
