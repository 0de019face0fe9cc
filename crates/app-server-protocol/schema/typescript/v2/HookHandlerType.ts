// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * What kind of thing a hook runs.
 */
export type HookHandlerType = "command" | "mcpTool" | "prompt" | "agent";
