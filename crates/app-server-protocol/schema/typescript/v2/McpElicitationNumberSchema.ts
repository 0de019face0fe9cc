// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { McpElicitationNumberType } from "./McpElicitationNumberType";

/**
 * A field for a number.
 */
export type McpElicitationNumberSchema = { default: number | null, description: string | null, maximum: number | null, minimum: number | null, title: string | null, type: McpElicitationNumberType, };
