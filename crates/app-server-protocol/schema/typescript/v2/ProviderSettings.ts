// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { GatewayAuth } from "./GatewayAuth";

/**
 * What kind of service a model provider is.
 */
export type ProviderSettings = { "type": "openai" } | { "type": "customGateway", auth: GatewayAuth, } | { "type": "bedrock", profile: string | null, region: string | null, } | { "type": "gcp", credentialFile: string | null, location: string | null, projectId: string | null, };
