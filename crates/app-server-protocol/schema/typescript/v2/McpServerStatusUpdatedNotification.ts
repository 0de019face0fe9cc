// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { McpServerStartupFailureReason } from "./McpServerStartupFailureReason";
import type { McpServerStartupState } from "./McpServerStartupState";

/**
 * Sent with `mcpServer/startupStatus/updated` while MCP servers start. One that fails does not stop the
 * thread.
 */
export type McpServerStatusUpdatedNotification = { 
/**
 * Set when `status` is `failed`.
 */
error: string | null, failureReason: McpServerStartupFailureReason | null, name: string, status: McpServerStartupState, threadId: string | null, };
