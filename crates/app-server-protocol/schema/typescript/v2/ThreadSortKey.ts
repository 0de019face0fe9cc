// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * What threads are ordered by; `recency_at` is the user's last activity.
 */
export type ThreadSortKey = "created_at" | "updated_at" | "recency_at" | "section_position";
