// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * One choice with its display text.
 */
export type McpElicitationConstOption = { const: string, title: string, };
