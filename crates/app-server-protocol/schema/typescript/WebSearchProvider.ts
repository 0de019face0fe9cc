// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Who runs searches for a client.
 */
export type WebSearchProvider = "standalone" | "search_mcp";
