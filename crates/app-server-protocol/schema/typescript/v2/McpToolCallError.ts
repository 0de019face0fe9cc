// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Why a tool call got no answer.
 */
export type McpToolCallError = { message: string, };
