// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ThreadItemsListAnchor } from "./ThreadItemsListAnchor";

/**
 * Where a page of items begins: a cursor of an earlier answer, or an item.
 */
export type ThreadItemsListCursor = string | ThreadItemsListAnchor;
