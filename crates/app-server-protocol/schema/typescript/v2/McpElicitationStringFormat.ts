// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * What a text has to be.
 */
export type McpElicitationStringFormat = "email" | "uri" | "date" | "date-time";
