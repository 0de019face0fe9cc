// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * How a command stands. `failed`: it ended with another exit code than 0, or was cut short. `declined`: it
 * was not run, because approval was refused.
 */
export type CommandExecutionStatus = "inProgress" | "completed" | "failed" | "declined";
