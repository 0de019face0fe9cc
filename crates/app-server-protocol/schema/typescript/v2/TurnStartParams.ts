// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ApprovalsReviewer } from "./ApprovalsReviewer";
import type { AskForApproval } from "./AskForApproval";
import type { JsonValue } from "../serde_json/JsonValue";
import type { Personality } from "../Personality";
import type { ReasoningEffort } from "../ReasoningEffort";
import type { ReasoningSummary } from "../ReasoningSummary";
import type { SandboxPolicy } from "./SandboxPolicy";
import type { TurnToolOutput } from "./TurnToolOutput";
import type { UserInput } from "./UserInput";

/**
 * Starts a turn. If one is already running the input goes into it and the answer names the running turn.
 *
 * The settings from `approvalPolicy` to `summary` are kept for the thread's later turns; `outputSchema`,
 * `clientUserMessageId` and `serviceTierForTurn` hold for this turn only. Null or absent keeps what the
 * thread has.
 */
export type TurnStartParams = { approvalPolicy?: AskForApproval | null, approvalsReviewer?: ApprovalsReviewer | null, 
/**
 * Returned as `clientId` of the user message item, so that a client can match it to its own.
 */
clientUserMessageId?: string | null, 
/**
 * New working folder of the thread; relative to the server's own.
 */
cwd?: string | null, disabledPluginIds?: Array<string> | null, 
/**
 * How hard the model should think; the words depend on the model.
 */
effort?: ReasoningEffort | null, 
/**
 * May be empty: a turn without a user message.
 */
input: Array<UserInput>, model?: string | null, 
/**
 * A JSON Schema the final answer has to follow.
 */
outputSchema?: JsonValue | null, 
/**
 * Accepted and not interpreted.
 */
parentTurnId?: string | null, personality?: Personality | null, 
/**
 * Accepted and not interpreted.
 */
rootTurnId?: string | null, 
/**
 * New sandbox of the thread.
 */
sandboxPolicy?: SandboxPolicy | null, serviceTier?: string | null, 
/**
 * Overrides `serviceTier` for this turn only.
 */
serviceTierForTurn?: string | null, 
/**
 * How the model's reasoning is summarised.
 */
summary?: ReasoningSummary | null, threadId: string, 
/**
 * The result of a tool the client ran on its own account, for the model to see with the input.
 */
toolOutput?: TurnToolOutput | null, 
/**
 * Accepted and not interpreted.
 */
turnTrigger?: string | null};
