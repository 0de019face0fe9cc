// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { AnalyticsConfig } from "./AnalyticsConfig";
import type { ApprovalsReviewer } from "./ApprovalsReviewer";
import type { AskForApproval } from "./AskForApproval";
import type { AutoCompactTokenLimitScope } from "../AutoCompactTokenLimitScope";
import type { BrowserUseConfig } from "./BrowserUseConfig";
import type { ComputerUseConfig } from "./ComputerUseConfig";
import type { ForcedChatgptWorkspaceIds } from "./ForcedChatgptWorkspaceIds";
import type { ForcedLoginMethod } from "../ForcedLoginMethod";
import type { JsonValue } from "../serde_json/JsonValue";
import type { ReasoningEffort } from "../ReasoningEffort";
import type { ReasoningSummary } from "../ReasoningSummary";
import type { SandboxMode } from "./SandboxMode";
import type { SandboxWorkspaceWrite } from "./SandboxWorkspaceWrite";
import type { ToolsV2 } from "./ToolsV2";
import type { Verbosity } from "../Verbosity";
import type { WebSearchMode } from "../WebSearchMode";
import type { WebSearchProvider } from "../WebSearchProvider";

/**
 * The settings in force, all layers merged. Null: not set anywhere, the default applies.
 *
 * The answer may have further keys of the file as they stand there.
 */
export type Config = { analytics: AnalyticsConfig | null, approval_policy: AskForApproval | null, approvals_reviewer: ApprovalsReviewer | null, browser_use: BrowserUseConfig | null, client_search_provider: WebSearchProvider | null, 
/**
 * Replaces the built-in prompt for compaction.
 */
compact_prompt: string | null, computer_use: ComputerUseConfig | null, 
/**
 * Settings of a desktop client; kept, not interpreted.
 */
desktop: { [key in string]: JsonValue } | null, 
/**
 * Given to the model beside its instructions.
 */
developer_instructions: string | null, 
/**
 * Only accounts of these workspaces may sign in.
 */
forced_chatgpt_workspace_id: ForcedChatgptWorkspaceIds | null, 
/**
 * Only this way of signing in is allowed.
 */
forced_login_method: ForcedLoginMethod | null, 
/**
 * Kept and without effect; use AGENTS.md files.
 */
instructions: string | null, 
/**
 * For new threads.
 */
model: string | null, 
/**
 * Tokens of context at which a thread is compacted by itself.
 */
model_auto_compact_token_limit: number | null, model_auto_compact_token_limit_scope: AutoCompactTokenLimitScope | null, 
/**
 * Tokens the model can take, overriding what is known of it.
 */
model_context_window: number | null, 
/**
 * Id of the provider for new threads.
 */
model_provider: string | null, model_reasoning_effort: ReasoningEffort | null, model_reasoning_summary: ReasoningSummary | null, model_verbosity: Verbosity | null, 
/**
 * The model for reviews; null: that of the thread.
 */
review_model: string | null, 
/**
 * For new threads.
 */
sandbox_mode: SandboxMode | null, 
/**
 * Details of the sandbox mode `workspace-write`.
 */
sandbox_workspace_write: SandboxWorkspaceWrite | null, service_tier: string | null, tools: ToolsV2 | null, 
/**
 * Whether and how models may search the web.
 */
web_search: WebSearchMode | null, } & ({ [key in string]: number | string | boolean | Array<JsonValue> | { [key in string]: JsonValue } | null });
