// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * How the start of an MCP server goes.
 */
export type McpServerStartupState = "starting" | "ready" | "failed" | "cancelled";
