// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { AbsolutePathBuf } from "../AbsolutePathBuf";
import type { ApprovalsReviewer } from "./ApprovalsReviewer";
import type { AskForApproval } from "./AskForApproval";
import type { LegacyAppPathString } from "../LegacyAppPathString";
import type { ReasoningEffort } from "../ReasoningEffort";
import type { SandboxPolicy } from "./SandboxPolicy";
import type { Thread } from "./Thread";

/**
 * The new thread with its turns and the settings in force. Token usage and `thread/started` follow.
 */
export type ThreadForkResponse = { approvalPolicy: AskForApproval, approvalsReviewer: ApprovalsReviewer, cwd: AbsolutePathBuf, disabledPluginIds: Array<string>, 
/**
 * Absolute paths of the AGENTS.md files in force, in the order they are read.
 */
instructionSources: Array<LegacyAppPathString>, model: string, modelProvider: string, reasoningEffort: ReasoningEffort | null, sandbox: SandboxPolicy, serviceTier: string | null, thread: Thread, };
