// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { McpElicitationConstOption } from "./McpElicitationConstOption";

/**
 * Choices with display texts.
 */
export type McpElicitationTitledEnumItems = { anyOf: Array<McpElicitationConstOption>, };
