// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { McpServerStatusDetail } from "./McpServerStatusDetail";

/**
 * Asks for the configured MCP servers and what they offer.
 */
export type ListMcpServerStatusParams = { cursor?: string | null, 
/**
 * `full` when absent.
 */
detail?: McpServerStatusDetail | null, 
/**
 * At most this many servers.
 */
limit?: number | null, 
/**
 * Only this one.
 */
serverName?: string | null, 
/**
 * As they stand in this thread; null: connections are made for the answer.
 */
threadId?: string | null, };
