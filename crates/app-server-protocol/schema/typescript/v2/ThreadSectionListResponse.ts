// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ThreadSection } from "./ThreadSection";

/**
 * A page of sections.
 */
export type ThreadSectionListResponse = { data: Array<ThreadSection>, nextCursor: string | null, };
