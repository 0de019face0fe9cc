// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * What is counted towards the limit of automatic compaction: the whole context, or what came after its
 * fixed beginning.
 */
export type AutoCompactTokenLimitScope = "total" | "body_after_prefix";
