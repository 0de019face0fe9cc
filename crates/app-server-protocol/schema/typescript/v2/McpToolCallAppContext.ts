// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Which app a tool belongs to. Never set by this server.
 */
export type McpToolCallAppContext = { actionName: string | null, appName: string | null, connectorId: string, linkId: string | null, resourceUri: string | null, };
