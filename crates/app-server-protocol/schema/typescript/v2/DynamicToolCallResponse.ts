// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { DynamicToolCallOutputContentItem } from "./DynamicToolCallOutputContentItem";

/**
 * What the tool gave.
 *
 * `{output, success}` with a plain text is understood as well.
 */
export type DynamicToolCallResponse = { 
/**
 * Goes to the model, also when `success` is false.
 */
contentItems: Array<DynamicToolCallOutputContentItem>, 
/**
 * False marks the item as failed.
 */
success: boolean, };
