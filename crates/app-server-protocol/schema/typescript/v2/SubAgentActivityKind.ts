// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * What a sub-agent did.
 */
export type SubAgentActivityKind = "started" | "interacted" | "interrupted" | "completed";
