// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { JsonValue } from "../serde_json/JsonValue";
import type { McpAuthStatus } from "./McpAuthStatus";
import type { McpServerConnectionStatus } from "./McpServerConnectionStatus";
import type { McpServerInfo } from "../McpServerInfo";
import type { Resource } from "../Resource";
import type { ResourceTemplate } from "../ResourceTemplate";
import type { Tool } from "../Tool";

/**
 * A configured MCP server and what it offers.
 */
export type McpServerStatus = { authStatus: McpAuthStatus, 
/**
 * For one reached over HTTP.
 */
httpOrigin: string | null, name: string, pluginId: string | null, resourceTemplates: Array<ResourceTemplate>, resources: Array<Resource>, 
/**
 * Null when no connection was tried.
 */
runtimeStatus: McpServerConnectionStatus | null, serverCapabilities?: JsonValue, 
/**
 * Null until connected.
 */
serverInfo: McpServerInfo | null, toolListMeta?: JsonValue, 
/**
 * By name.
 */
tools: { [key in string]: Tool }, 
/**
 * Why its tools could not be listed.
 */
toolsError: string | null, };
