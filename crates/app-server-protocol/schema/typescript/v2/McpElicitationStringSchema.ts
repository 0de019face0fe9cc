// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { McpElicitationStringFormat } from "./McpElicitationStringFormat";
import type { McpElicitationStringType } from "./McpElicitationStringType";

/**
 * A field for a text.
 */
export type McpElicitationStringSchema = { default: string | null, description: string | null, format: McpElicitationStringFormat | null, 
/**
 * In characters.
 */
maxLength: number | null, 
/**
 * In characters.
 */
minLength: number | null, title: string | null, type: McpElicitationStringType, };
