// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { Model } from "./Model";

/**
 * Models in the order in which to offer them.
 */
export type ModelListResponse = { data: Array<Model>, 
/**
 * Null on the last page.
 */
nextCursor: string | null, };
