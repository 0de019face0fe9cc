// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Tools that the configured provider runs itself.
 */
export type ModelProviderCapabilitiesReadResponse = { imageGeneration: boolean, webSearch: boolean, };
