// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * The word `array`.
 */
export type McpElicitationArrayType = "array";
