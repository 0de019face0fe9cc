// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * How a tool's own user interface is shown.
 */
export type McpAppDisplayMode = "inline" | "fullscreen";
