// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * How a tool call stands.
 */
export type McpToolCallStatus = "inProgress" | "completed" | "failed";
