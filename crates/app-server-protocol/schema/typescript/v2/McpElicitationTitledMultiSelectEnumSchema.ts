// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { McpElicitationArrayType } from "./McpElicitationArrayType";
import type { McpElicitationTitledEnumItems } from "./McpElicitationTitledEnumItems";

/**
 * A field for several of given choices with display texts.
 */
export type McpElicitationTitledMultiSelectEnumSchema = { default: Array<string> | null, description: string | null, items: McpElicitationTitledEnumItems, maxItems: number | null, minItems: number | null, title: string | null, type: McpElicitationArrayType, };
