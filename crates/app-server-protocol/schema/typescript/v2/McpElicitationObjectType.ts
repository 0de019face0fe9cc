// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * The word `object`.
 */
export type McpElicitationObjectType = "object";
