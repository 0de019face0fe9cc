// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * How requests to an MCP server are authorised. `unsupported`: it asks for no login.
 */
export type McpAuthStatus = "unknown" | "unsupported" | "notLoggedIn" | "bearerToken" | "oAuth";
