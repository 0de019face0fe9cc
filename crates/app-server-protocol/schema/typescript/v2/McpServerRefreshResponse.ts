// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Empty: loaded threads use the new MCP configuration from their next turn on.
 */
export type McpServerRefreshResponse = Record<symbol, never>;
