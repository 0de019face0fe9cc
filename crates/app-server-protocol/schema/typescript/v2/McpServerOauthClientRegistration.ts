// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * How to register with an MCP server's login service.
 */
export type McpServerOauthClientRegistration = "auto" | "cimd" | "dcr";
