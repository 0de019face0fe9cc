// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * How requests to a custom model gateway are authorised.
 */
export type GatewayAuth = { "mode": "none" } | { "mode": "environmentVariable", envKey: string, } | { "mode": "externallyConfigured", envKey: string | null, };
