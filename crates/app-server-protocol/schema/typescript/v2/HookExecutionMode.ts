// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Whether the agent waits for the hook.
 */
export type HookExecutionMode = "sync" | "async";
