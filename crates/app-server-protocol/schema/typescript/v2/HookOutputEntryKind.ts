// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * What a hook's output is for.
 */
export type HookOutputEntryKind = "warning" | "stop" | "feedback" | "context" | "error";
