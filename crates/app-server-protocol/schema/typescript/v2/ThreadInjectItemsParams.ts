// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { JsonValue } from "../serde_json/JsonValue";

/**
 * Appends items to the model's history without a turn. Clients see nothing of it.
 */
export type ThreadInjectItemsParams = { 
/**
 * Items in the form of the model API; an item that is not one refuses the request.
 */
items: Array<JsonValue>, threadId: string, };
