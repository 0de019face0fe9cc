// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Whether fractions are allowed.
 */
export type McpElicitationNumberType = "number" | "integer";
