// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Sent with `mcpServer/oauthLogin/completed` when signing in to an MCP server ended.
 */
export type McpServerOauthLoginCompletedNotification = { 
/**
 * Null on success.
 */
error: string | null, loginId: string | null, name: string, success: boolean, threadId: string | null, };
