// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { HooksListEntry } from "./HooksListEntry";

/**
 * One entry per folder.
 */
export type HooksListResponse = { data: Array<HooksListEntry>, };
