// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { PermissionProfileSummary } from "./PermissionProfileSummary";

/**
 * A page of permission profiles.
 */
export type PermissionProfileListResponse = { data: Array<PermissionProfileSummary>, nextCursor: string | null, };
