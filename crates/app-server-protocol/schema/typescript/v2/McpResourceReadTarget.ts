// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Which connection of a connector is meant. Accepted and without effect.
 */
export type McpResourceReadTarget = { connectorId: string, linkId?: string | null, };
