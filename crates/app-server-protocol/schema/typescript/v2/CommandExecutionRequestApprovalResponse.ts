// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { CommandExecutionApprovalDecision } from "./CommandExecutionApprovalDecision";

/**
 * The decision.
 */
export type CommandExecutionRequestApprovalResponse = { decision: CommandExecutionApprovalDecision, };
