// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * The word `boolean`.
 */
export type McpElicitationBooleanType = "boolean";
