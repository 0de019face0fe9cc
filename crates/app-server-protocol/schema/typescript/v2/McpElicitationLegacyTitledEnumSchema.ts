// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { McpElicitationStringType } from "./McpElicitationStringType";

/**
 * A field for one of given choices, display texts beside them: older form.
 */
export type McpElicitationLegacyTitledEnumSchema = { default: string | null, description: string | null, enum: Array<string>, enumNames: Array<string> | null, title: string | null, type: McpElicitationStringType, };
