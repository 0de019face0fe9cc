// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { McpElicitationBooleanType } from "./McpElicitationBooleanType";

/**
 * A field for yes or no.
 */
export type McpElicitationBooleanSchema = { default: boolean | null, description: string | null, title: string | null, type: McpElicitationBooleanType, };
