// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * An administrator's rules for a client's built-in browser.
 */
export type InAppBrowserRequirements = { allowExternalBrowserSettingsImport: boolean | null, };
