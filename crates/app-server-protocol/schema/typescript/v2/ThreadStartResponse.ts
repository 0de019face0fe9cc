// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { AbsolutePathBuf } from "../AbsolutePathBuf";
import type { ApprovalsReviewer } from "./ApprovalsReviewer";
import type { AskForApproval } from "./AskForApproval";
import type { LegacyAppPathString } from "../LegacyAppPathString";
import type { ReasoningEffort } from "../ReasoningEffort";
import type { SandboxPolicy } from "./SandboxPolicy";
import type { Thread } from "./Thread";

/**
 * The new thread and the settings in force. `thread/started` follows; problems found in the configuration
 * were sent before as `configWarning`.
 */
export type ThreadStartResponse = { approvalPolicy: AskForApproval, approvalsReviewer: ApprovalsReviewer, cwd: AbsolutePathBuf, disabledPluginIds: Array<string>, 
/**
 * Absolute paths of the AGENTS.md files in force: that of the home folder, then from the project's
 * root to the working folder.
 */
instructionSources: Array<LegacyAppPathString>, model: string, modelProvider: string, reasoningEffort: ReasoningEffort | null, sandbox: SandboxPolicy, 
/**
 * Null: the provider's default.
 */
serviceTier: string | null, thread: Thread, };
