// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ApprovalsReviewer } from "./ApprovalsReviewer";
import type { AskForApproval } from "./AskForApproval";
import type { JsonValue } from "../serde_json/JsonValue";
import type { Personality } from "../Personality";
import type { SandboxMode } from "./SandboxMode";

/**
 * Loads a stored thread so that turns can be started, and subscribes to it.
 *
 * Model and effort are those of its last turn unless given here. A thread that is loaded already is only
 * subscribed to, and the settings given here are ignored.
 */
export type ThreadResumeParams = { approvalPolicy?: AskForApproval | null, approvalsReviewer?: ApprovalsReviewer | null, baseInstructions?: string | null, 
/**
 * Settings by dotted key, above those of the configuration files.
 */
config?: { [key in string]: JsonValue } | null, 
/**
 * Relative to the server's own.
 */
cwd?: string | null, developerInstructions?: string | null, 
/**
 * Leaves `thread.turns` of the result empty.
 */
excludeTurns?: boolean, model?: string | null, modelProvider?: string | null, personality?: Personality | null, sandbox?: SandboxMode | null, serviceTier?: string | null, threadId: string};
