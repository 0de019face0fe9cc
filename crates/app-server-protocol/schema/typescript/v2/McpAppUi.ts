// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { McpAppDisplayMode } from "./McpAppDisplayMode";

/**
 * A user interface that an MCP server has for one of its tools.
 */
export type McpAppUi = { preferredModelDisplayMode: McpAppDisplayMode, resourceUri: string, };
