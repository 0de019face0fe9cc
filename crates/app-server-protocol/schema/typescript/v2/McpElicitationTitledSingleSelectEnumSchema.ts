// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { McpElicitationConstOption } from "./McpElicitationConstOption";
import type { McpElicitationStringType } from "./McpElicitationStringType";

/**
 * A field for one of given choices with display texts.
 */
export type McpElicitationTitledSingleSelectEnumSchema = { default: string | null, description: string | null, oneOf: Array<McpElicitationConstOption>, title: string | null, type: McpElicitationStringType, };
