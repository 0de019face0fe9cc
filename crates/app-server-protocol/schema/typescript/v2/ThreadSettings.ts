// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { AbsolutePathBuf } from "../AbsolutePathBuf";
import type { ActivePermissionProfile } from "./ActivePermissionProfile";
import type { ApprovalsReviewer } from "./ApprovalsReviewer";
import type { AskForApproval } from "./AskForApproval";
import type { CollaborationMode } from "../CollaborationMode";
import type { Personality } from "../Personality";
import type { ReasoningEffort } from "../ReasoningEffort";
import type { ReasoningSummary } from "../ReasoningSummary";
import type { SandboxPolicy } from "./SandboxPolicy";

/**
 * The settings a thread's next turn will have.
 */
export type ThreadSettings = { activePermissionProfile: ActivePermissionProfile | null, approvalPolicy: AskForApproval, approvalsReviewer: ApprovalsReviewer, collaborationMode: CollaborationMode, cwd: AbsolutePathBuf, disabledPluginIds: Array<string>, effort: ReasoningEffort | null, model: string, modelProvider: string, personality: Personality | null, sandboxPolicy: SandboxPolicy, serviceTier: string | null, summary: ReasoningSummary | null, };
