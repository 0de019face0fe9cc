// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * How much is asked of each server: `toolsAndAuthOnly` leaves resources out.
 */
export type McpServerStatusDetail = "full" | "toolsAndAuthOnly";
