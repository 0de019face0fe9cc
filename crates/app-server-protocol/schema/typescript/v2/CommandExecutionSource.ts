// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Who ran a command: the agent, the user with `thread/shellCommand`, or the agent by starting or writing
 * to a terminal session.
 */
export type CommandExecutionSource = "agent" | "userShell" | "unifiedExecStartup" | "unifiedExecInteraction";
