// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * What the user did with a question: answered, refused, or closed it.
 */
export type McpServerElicitationAction = "accept" | "decline" | "cancel";
