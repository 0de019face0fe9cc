// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * How the connection to an MCP server stands.
 */
export type McpServerConnectionStatus = "notStarted" | "starting" | "connected" | "authenticationRequired" | "failed" | "cancelled" | "disabled";
