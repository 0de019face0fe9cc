// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ApprovalsReviewer } from "./ApprovalsReviewer";
import type { AskForApproval } from "./AskForApproval";
import type { JsonValue } from "../serde_json/JsonValue";
import type { Personality } from "../Personality";
import type { SandboxMode } from "./SandboxMode";
import type { ThreadSource } from "./ThreadSource";
import type { ThreadStartSource } from "./ThreadStartSource";

/**
 * Makes a thread and subscribes to it. What is null or absent comes from `config`, then from the
 * configuration files.
 */
export type ThreadStartParams = { approvalPolicy?: AskForApproval | null, approvalsReviewer?: ApprovalsReviewer | null, 
/**
 * Replaces the built-in instructions for the model.
 */
baseInstructions?: string | null, 
/**
 * Settings by dotted key, above those of the configuration files; null is the same as leaving a key
 * out.
 */
config?: { [key in string]: JsonValue } | null, 
/**
 * Working folder; relative to the server's own, which is also the default. It need not exist.
 */
cwd?: string | null, 
/**
 * Given to the model beside its instructions.
 */
developerInstructions?: string | null, 
/**
 * Keeps the thread in memory only.
 */
ephemeral?: boolean | null, model?: string | null, 
/**
 * Id of a provider; an unknown one refuses the request.
 */
modelProvider?: string | null, personality?: Personality | null, 
/**
 * The coarse choice; `sandbox` of the answer has it in full.
 */
sandbox?: SandboxMode | null, 
/**
 * Accepted and without effect.
 */
serviceName?: string | null, serviceTier?: string | null, 
/**
 * Whether the client was just started or cleared an earlier thread away; not interpreted.
 */
sessionStartSource?: ThreadStartSource | null, 
/**
 * Returned as `thread.threadSource`.
 */
threadSource?: ThreadSource | null};
