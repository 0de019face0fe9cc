// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { McpServerStatus } from "./McpServerStatus";

/**
 * A page of MCP servers, by name.
 */
export type ListMcpServerStatusResponse = { data: Array<McpServerStatus>, nextCursor: string | null, };
