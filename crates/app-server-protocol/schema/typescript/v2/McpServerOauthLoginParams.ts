// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { McpServerOauthClientRegistration } from "./McpServerOauthClientRegistration";

/**
 * Signs in to an MCP server that is reached over HTTP.
 */
export type McpServerOauthLoginParams = { clientRegistration?: McpServerOauthClientRegistration | null, name: string, 
/**
 * Null: those of the configuration.
 */
scopes?: Array<string> | null, threadId?: string | null, 
/**
 * In seconds.
 */
timeoutSecs?: number | null, };
