// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { McpElicitationArrayType } from "./McpElicitationArrayType";
import type { McpElicitationUntitledEnumItems } from "./McpElicitationUntitledEnumItems";

/**
 * A field for several of given choices that are their own display texts.
 */
export type McpElicitationUntitledMultiSelectEnumSchema = { default: Array<string> | null, description: string | null, items: McpElicitationUntitledEnumItems, maxItems: number | null, minItems: number | null, title: string | null, type: McpElicitationArrayType, };
