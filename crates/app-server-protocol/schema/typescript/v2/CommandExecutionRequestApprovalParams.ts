// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { CommandAction } from "./CommandAction";
import type { CommandExecutionApprovalKind } from "./CommandExecutionApprovalKind";
import type { LegacyAppPathString } from "../LegacyAppPathString";
import type { NetworkApprovalContext } from "./NetworkApprovalContext";
import type { NetworkPolicyAmendment } from "../NetworkPolicyAmendment";

/**
 * May this command run? Several questions may be open at once and be answered in any order. An error as
 * answer counts as a refusal. The item was started before, and `serverRequest/resolved` tells when the
 * question is settled.
 */
export type CommandExecutionRequestApprovalParams = { 
/**
 * Set when a part of a command is asked about by itself, to tell the questions apart.
 */
approvalId?: string | null, 
/**
 * As a person would read it.
 */
command: string | null, 
/**
 * What the line does, for display only.
 */
commandActions: Array<CommandAction> | null, cwd: LegacyAppPathString | null, 
/**
 * Always null from this server.
 */
environmentId: string | null, 
/**
 * The `commandExecution` item.
 */
itemId: string, kind: CommandExecutionApprovalKind, 
/**
 * Set when the question is about a host and not about the command.
 */
networkApprovalContext?: NetworkApprovalContext | null, 
/**
 * First words of commands to allow for good, to be sent back with `acceptWithExecpolicyAmendment`.
 */
proposedExecpolicyAmendment: Array<string> | null, proposedNetworkPolicyAmendments?: Array<NetworkPolicyAmendment> | null, 
/**
 * Why the question is asked: a rule's, the sandbox's, or the model's reason.
 */
reason?: string | null, 
/**
 * Unix milliseconds.
 */
startedAtMs: number, threadId: string, turnId: string};
