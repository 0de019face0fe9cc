// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ApprovalsReviewer } from "./ApprovalsReviewer";
import type { AskForApproval } from "./AskForApproval";
import type { JsonValue } from "../serde_json/JsonValue";
import type { SandboxMode } from "./SandboxMode";
import type { ThreadSource } from "./ThreadSource";

/**
 * Makes a new thread with the history of another. A turn that is running is copied as interrupted.
 *
 * The settings are those of the source unless given here.
 */
export type ThreadForkParams = { approvalPolicy?: AskForApproval | null, approvalsReviewer?: ApprovalsReviewer | null, baseInstructions?: string | null, 
/**
 * Settings by dotted key, above those of the configuration files.
 */
config?: { [key in string]: JsonValue } | null, 
/**
 * Relative to the server's own.
 */
cwd?: string | null, developerInstructions?: string | null, 
/**
 * Keeps the new thread in memory only.
 */
ephemeral?: boolean, 
/**
 * Leaves `thread.turns` of the result empty.
 */
excludeTurns?: boolean, 
/**
 * Copies up to and with this turn; null: all.
 */
lastTurnId?: string | null, model?: string | null, modelProvider?: string | null, sandbox?: SandboxMode | null, serviceTier?: string | null, threadId: string, threadSource?: ThreadSource | null};
