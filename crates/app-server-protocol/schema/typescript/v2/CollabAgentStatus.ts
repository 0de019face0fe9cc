// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * How a sub-agent stands.
 */
export type CollabAgentStatus = "pendingInit" | "running" | "interrupted" | "completed" | "errored" | "shutdown" | "notFound";
