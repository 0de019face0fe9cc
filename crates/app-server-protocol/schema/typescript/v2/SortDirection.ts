// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * `asc`: smallest or oldest first. `desc`: largest or newest first.
 */
export type SortDirection = "asc" | "desc";
