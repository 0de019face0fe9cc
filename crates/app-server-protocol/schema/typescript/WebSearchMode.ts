// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * `cached`: from an index; `live`: from the web itself.
 */
export type WebSearchMode = "disabled" | "cached" | "indexed" | "live";
