// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * What happens to a table that is there: `replace` it, or `upsert` the new keys into it.
 */
export type MergeStrategy = "replace" | "upsert";
