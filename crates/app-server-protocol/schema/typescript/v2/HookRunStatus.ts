// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * How a run of a hook stands. `blocked`: it forbade what it was asked about; `stopped`: it ended the turn.
 */
export type HookRunStatus = "running" | "completed" | "failed" | "blocked" | "stopped";
