// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { JsonValue } from "./serde_json/JsonValue";

/**
 * What the client can do or wants. Everything defaults to off.
 */
export type InitializeCapabilities = { 
/**
 * Opens methods and fields that are not part of the stable schema.
 */
experimentalApi?: boolean, 
/**
 * Accepted and without effect.
 */
explicitGatewayOauth?: boolean, 
/**
 * Accepted and without effect.
 */
extensions?: { [key in string]: JsonValue } | null, 
/**
 * Accepted and without effect.
 */
mcpServerOpenaiFormElicitation?: boolean, 
/**
 * Exact names of notifications not to send on this connection. Unknown names are ignored; requests and
 * answers cannot be switched off.
 */
optOutNotificationMethods?: Array<string> | null, 
/**
 * Accepted and without effect.
 */
requestAttestation?: boolean, 
/**
 * Accepted and without effect.
 */
requiredHumanApproval?: boolean, };
