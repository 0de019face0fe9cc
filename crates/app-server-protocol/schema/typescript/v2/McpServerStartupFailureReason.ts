// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Why an MCP server did not start, where a client can do something about it.
 */
export type McpServerStartupFailureReason = "reauthenticationRequired";
