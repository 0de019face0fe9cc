// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * What is asked: to run a command, to write to a running one, or to run one of the user's own.
 */
export type CommandExecutionApprovalKind = "command" | "writeStdin" | "humanCommand";
