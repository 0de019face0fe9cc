// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { McpElicitationObjectType } from "./McpElicitationObjectType";
import type { McpElicitationPrimitiveSchema } from "./McpElicitationPrimitiveSchema";

/**
 * A form: its fields and which of them must be filled in.
 */
export type McpElicitationSchema = { $schema: string | null, properties: { [key in string]: McpElicitationPrimitiveSchema }, required: Array<string> | null, type: McpElicitationObjectType, };
