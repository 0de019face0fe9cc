// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * How a call of a sub-agent tool stands.
 */
export type CollabAgentToolCallStatus = "inProgress" | "completed" | "failed" | "interrupted";
