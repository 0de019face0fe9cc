// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { McpElicitationStringType } from "./McpElicitationStringType";

/**
 * Choices that are their own display texts.
 */
export type McpElicitationUntitledEnumItems = { enum: Array<string>, type: McpElicitationStringType, };
