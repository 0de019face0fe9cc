// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { McpElicitationStringType } from "./McpElicitationStringType";

/**
 * A field for one of given choices that are their own display texts.
 */
export type McpElicitationUntitledSingleSelectEnumSchema = { default: string | null, description: string | null, enum: Array<string>, title: string | null, type: McpElicitationStringType, };
