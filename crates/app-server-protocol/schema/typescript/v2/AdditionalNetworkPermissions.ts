// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Network access beyond the sandbox.
 */
export type AdditionalNetworkPermissions = { enabled: boolean | null, };
