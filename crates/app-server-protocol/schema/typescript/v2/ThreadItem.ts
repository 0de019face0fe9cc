// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { AbsolutePathBuf } from "../AbsolutePathBuf";
import type { AgentMessageDelivery } from "./AgentMessageDelivery";
import type { AgentMessageModeration } from "./AgentMessageModeration";
import type { AsyncUserInputQuestion } from "./AsyncUserInputQuestion";
import type { CollabAgentState } from "./CollabAgentState";
import type { CollabAgentTool } from "./CollabAgentTool";
import type { CollabAgentToolCallStatus } from "./CollabAgentToolCallStatus";
import type { CommandAction } from "./CommandAction";
import type { CommandExecutionSource } from "./CommandExecutionSource";
import type { CommandExecutionStatus } from "./CommandExecutionStatus";
import type { DynamicToolCallOutputContentItem } from "./DynamicToolCallOutputContentItem";
import type { DynamicToolCallStatus } from "./DynamicToolCallStatus";
import type { FileUpdateChange } from "./FileUpdateChange";
import type { FunctionCallOutputBody } from "../FunctionCallOutputBody";
import type { HookPromptFragment } from "./HookPromptFragment";
import type { ImageGenerationFailure } from "../ImageGenerationFailure";
import type { ImageGenerationInputImage } from "../ImageGenerationInputImage";
import type { JsonValue } from "../serde_json/JsonValue";
import type { LegacyAppPathString } from "../LegacyAppPathString";
import type { McpAppUi } from "./McpAppUi";
import type { McpToolCallAppContext } from "./McpToolCallAppContext";
import type { McpToolCallError } from "./McpToolCallError";
import type { McpToolCallResult } from "./McpToolCallResult";
import type { McpToolCallStatus } from "./McpToolCallStatus";
import type { MemoryCitation } from "./MemoryCitation";
import type { MessagePhase } from "../MessagePhase";
import type { PatchApplyStatus } from "./PatchApplyStatus";
import type { ReasoningEffort } from "../ReasoningEffort";
import type { SubAgentActivityKind } from "./SubAgentActivityKind";
import type { UserInput } from "./UserInput";
import type { WebSearchAction } from "../WebSearchAction";

/**
 * One visible part of a turn with the times at which it started and completed (Unix ms).
 *
 * The same value is sent in `item/started`, `item/completed` and the turns of a thread, and it is what our
 * rollout lines carry: there is no second event vocabulary.
 */
export type ThreadItem = { 
/**
 * Null where it was not recorded.
 */
startedAtMs: number | null, 
/**
 * Null while it runs, and where it was not recorded.
 */
completedAtMs: number | null, } & ({ "type": "userMessage", id: string, 
/**
 * `clientUserMessageId` of the request it came with.
 */
clientId: string | null, content: Array<UserInput>, } | { "type": "hookPrompt", id: string, fragments: Array<HookPromptFragment>, } | { "type": "agentMessage", 
/**
 * Always null from this server.
 */
moderation: AgentMessageModeration | null, id: string, text: string, 
/**
 * Null when the model does not say.
 */
phase: MessagePhase | null, 
/**
 * Always null from this server.
 */
memoryCitation: MemoryCitation | null, delivery: AgentMessageDelivery | null, 
/**
 * Questions it puts to the user, if any.
 */
questions: Array<AsyncUserInputQuestion> | null, } | { "type": "functionCallOutput", id: string, name: string, namespace: string | null, output: FunctionCallOutputBody, } | { "type": "plan", id: string, text: string, } | { "type": "reasoning", id: string, 
/**
 * One text per part.
 */
summary: Array<string>, content: Array<string>, } | { "type": "commandExecution", id: string, 
/**
 * Always null from this server.
 */
pluginId: string | null, 
/**
 * Always null from this server.
 */
scriptPath: string | null, command: string, cwd: LegacyAppPathString, 
/**
 * Names a terminal session, see `item/commandExecution/terminalInteraction`.
 */
processId: string | null, source: CommandExecutionSource, status: CommandExecutionStatus, 
/**
 * What the line does, for display only.
 */
commandActions: Array<CommandAction>, 
/**
 * Standard output and error as they came; null while it runs and when there was none.
 */
aggregatedOutput: string | null, 
/**
 * Null while it runs and when it never ran. 124 after a timeout, 128 + n after signal n.
 */
exitCode: number | null, durationMs: number | null, } | { "type": "fileChange", id: string, 
/**
 * Ordered by path.
 */
changes: Array<FileUpdateChange>, status: PatchApplyStatus, } | { "type": "mcpToolCall", id: string, server: string, tool: string, status: McpToolCallStatus, arguments: JsonValue, appContext: McpToolCallAppContext | null, mcpAppResourceUri?: string, mcpAppUi: McpAppUi | null, pluginId: string | null, readOnlyHint: boolean | null, result: McpToolCallResult | null, error: McpToolCallError | null, durationMs: number | null, } | { "type": "dynamicToolCall", id: string, namespace: string | null, tool: string, arguments: JsonValue, status: DynamicToolCallStatus, 
/**
 * What the client answered; null before.
 */
contentItems: Array<DynamicToolCallOutputContentItem> | null, 
/**
 * What the client answered; null before.
 */
success: boolean | null, durationMs: number | null, } | { "type": "collabAgentToolCall", id: string, tool: CollabAgentTool, status: CollabAgentToolCallStatus, senderThreadId: string, receiverThreadIds: Array<string>, prompt: string | null, model: string | null, reasoningEffort: ReasoningEffort | null, 
/**
 * By thread id.
 */
agentsStates: { [key in string]: CollabAgentState }, } | { "type": "subAgentActivity", id: string, kind: SubAgentActivityKind, agentThreadId: string, agentPath: string, model: string | null, reasoningEffort: ReasoningEffort | null, } | { "type": "webSearch", id: string, 
/**
 * What was searched or opened, for display; empty until the search is done.
 */
query: string, action: WebSearchAction | null, results: Array<JsonValue> | null, } | { "type": "imageView", id: string, path: LegacyAppPathString, } | { "type": "sleep", id: string, durationMs: number, } | { "type": "imageGeneration", id: string, status: string, revisedPrompt: string | null, savedPath: AbsolutePathBuf | null, failure: ImageGenerationFailure | null, generationId: string | null, inputImages?: Array<ImageGenerationInputImage>, transparentBackground: boolean | null, } & ({ fileId: string, } | { result: string, }) | { "type": "enteredReviewMode", id: string, review: string, } | { "type": "exitedReviewMode", id: string, review: string, } | { "type": "codeReview", id: string, review: string, } | { "type": "contextCompaction", id: string, });
