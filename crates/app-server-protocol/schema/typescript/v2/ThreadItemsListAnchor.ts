// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * A place in a thread given by what stands there.
 */
export type ThreadItemsListAnchor = { "type": "item", itemId: string, };
