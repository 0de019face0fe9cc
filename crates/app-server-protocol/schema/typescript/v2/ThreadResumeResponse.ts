// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { AbsolutePathBuf } from "../AbsolutePathBuf";
import type { ApprovalsReviewer } from "./ApprovalsReviewer";
import type { AskForApproval } from "./AskForApproval";
import type { CollaborationMode } from "../CollaborationMode";
import type { LegacyAppPathString } from "../LegacyAppPathString";
import type { ReasoningEffort } from "../ReasoningEffort";
import type { SandboxPolicy } from "./SandboxPolicy";
import type { Thread } from "./Thread";

/**
 * The thread with its turns and the settings in force. Token usage follows if it is on record.
 */
export type ThreadResumeResponse = { approvalPolicy: AskForApproval, approvalsReviewer: ApprovalsReviewer, collaborationMode: CollaborationMode | null, cwd: AbsolutePathBuf, disabledPluginIds: Array<string>, 
/**
 * Absolute paths of the AGENTS.md files in force, in the order they are read.
 */
instructionSources: Array<LegacyAppPathString>, 
/**
 * Where `thread/items/list` can go on towards older items.
 */
itemsBackwardsCursor: string | null, model: string, modelProvider: string, reasoningEffort: ReasoningEffort | null, sandbox: SandboxPolicy, serviceTier: string | null, thread: Thread, 
/**
 * Where `thread/turns/list` can go on towards older turns.
 */
turnsBackwardsCursor: string | null};
