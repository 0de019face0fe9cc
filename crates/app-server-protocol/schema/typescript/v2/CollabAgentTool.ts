// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * What the agent did with its sub-agents.
 */
export type CollabAgentTool = "spawnAgent" | "sendInput" | "resumeAgent" | "wait" | "closeAgent" | "sendMessage" | "followupTask" | "interruptAgent" | "listAgents";
