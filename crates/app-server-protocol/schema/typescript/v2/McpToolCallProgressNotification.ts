// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Sent with `item/mcpToolCall/progress` when an MCP server reports progress of a call.
 */
export type McpToolCallProgressNotification = { itemId: string, message: string, threadId: string, turnId: string, };
