// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { CollaborationModeMask } from "./CollaborationModeMask";

/**
 * All modes.
 */
export type CollaborationModeListResponse = { data: Array<CollaborationModeMask>, };
