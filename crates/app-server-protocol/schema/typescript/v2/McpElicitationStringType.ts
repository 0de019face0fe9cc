// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * The word `string`.
 */
export type McpElicitationStringType = "string";
