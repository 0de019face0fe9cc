// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * The kind of program that made a thread, as a filter.
 */
export type ThreadSourceKind = "cli" | "vscode" | "exec" | "appServer" | "subAgent" | "subAgentReview" | "subAgentCompact" | "subAgentThreadSpawn" | "subAgentOther" | "unknown";
