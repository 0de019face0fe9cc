//! Turns: starting, steering and ending them, what they were given and what went wrong (wire specification
//! 5, 10 and 11). Approval policy and sandbox live here as well, because a turn is what they apply to.
#![allow(
    missing_docs,
    reason = "a field is named as on the wire; what is not plain from its name has a comment"
)]

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;

use super::approval::NetworkAccess;
use super::common::{AbsolutePathBuf, LegacyAppPathString};
use super::item::{ThreadItem, TurnToolOutput, UserInput};
use super::model::{CollaborationMode, Personality, ReasoningEffort, ReasoningSummary};
use super::thread::MultiAgentMode;

/// A piece of context a client adds to a turn beside the user's own words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct AdditionalContextEntry {
    /// How far the model is told to trust the value.
    pub kind: AdditionalContextKind,
    /// Shown to the model as the source of the value; null for none.
    #[serde(default)]
    pub name: Option<String>,
    pub value: String,
}

/// Where added context comes from: `application` is vouched for by the client, `untrusted` is text from
/// elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum AdditionalContextKind {
    Untrusted,
    Application,
}

/// Who answers approval questions. This server always asks the client, `user`; the other two are accepted
/// and act the same.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export_to = "v2/")]
pub enum ApprovalsReviewer {
    User,
    AutoReview,
    GuardianSubagent,
}

/// When the agent must ask before it acts. `untrusted`: before every command that is not known to be
/// harmless, and every patch. `on-request`: when the model asks for more than the sandbox allows. `never`:
/// no question is ever asked, what would need one is refused. `granular`: on-request with single kinds of
/// questions switched off.
///
/// Older spellings are accepted on input; `on-failure` is answered as `on-request`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export_to = "v2/")]
pub enum AskForApproval {
    Untrusted,
    OnRequest,
    // Clients' enums have no word for it, so none is sent.
    #[serde(rename = "on-request")]
    #[schemars(skip)]
    #[ts(skip)]
    OnFailure,
    Never,
    Granular {
        mcp_elicitations: bool,
        #[serde(default, deserialize_with = "compat::null_as_default")]
        request_permissions: bool,
        rules: bool,
        sandbox_approval: bool,
        #[serde(default, deserialize_with = "compat::null_as_default")]
        skill_approval: bool,
    },
}

/// Why a turn failed, in a form a program can act on: a word, or an object with one key. `httpStatusCode`
/// is null when there was no HTTP answer at all. `contextWindowExceeded`: compact or start a new thread.
/// `usageLimitExceeded`, `rateLimitExceeded`, `serverOverloaded`: try later. `unauthorized`: sign in again.
/// `other`: read the message.
///
/// Values a reader does not know are kept as they came, so a client should expect new ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
#[ts(export_to = "v2/")]
pub enum CodexErrorInfo {
    ContextWindowExceeded,
    SessionBudgetExceeded,
    UsageLimitExceeded,
    RateLimitExceeded,
    FlexUnavailable,
    ServerOverloaded,
    ModelNotFound,
    PolicyCapacityUnavailable,
    CyberPolicy,
    MisalignmentPolicyViolation,
    TooManyDenials,
    InternalServerError,
    Unauthorized,
    BadRequest,
    ThreadRollbackFailed,
    SandboxError,
    Other,
    InferenceHookDenied,
    HttpConnectionFailed {
        #[serde(default)]
        http_status_code: Option<u16>,
    },
    ResponseStreamConnectionFailed {
        #[serde(default)]
        http_status_code: Option<u16>,
    },
    ResponseStreamDisconnected {
        #[serde(default)]
        http_status_code: Option<u16>,
    },
    ResponseTooManyFailedAttempts {
        #[serde(default)]
        http_status_code: Option<u16>,
    },
    ActiveTurnNotSteerable {
        turn_kind: NonSteerableTurnKind,
    },
    #[serde(untagged)]
    #[ts(type = "string | { [key: string]: unknown }")]
    Unknown(#[schemars(extend("type" = ["string", "object"]))] Value),
}

/// Sent with `thread/compacted` after a turn's compaction: the model history was replaced by a summary. The
/// `contextCompaction` item says the same; this is kept for clients that read only the older message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ContextCompactedNotification {
    pub thread_id: String,
    pub turn_id: String,
}

/// Access programs of a hosted model provider. Accepted and without effect.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum CyberAccessProgram {
    Standard,
    DaybreakBlue,
    DaybreakRed,
}

/// Sent with `error` when a model request of a running turn failed. With `willRetry` true it is only a
/// notice and the turn goes on; with false `turn/completed` follows, failed with the same error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ErrorNotification {
    pub error: TurnError,
    pub thread_id: String,
    pub turn_id: String,
    /// Whether the server tries again by itself.
    pub will_retry: bool,
}

/// Why a provider's policy check ended a turn, where the provider says so. Never filled in by this server.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct MisalignmentErrorDetails {
    #[serde(default)]
    pub detailed_explanation: Option<String>,
    #[serde(default)]
    pub error_type: Option<String>,
    #[serde(default)]
    pub review_target: Option<String>,
    #[serde(default)]
    pub steer: Option<MisalignmentSteer>,
}

/// What a provider's policy check suggests to tell the model. Never filled in by this server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct MisalignmentSteer {
    pub message: String,
}

/// The kinds of turns that take no further input while they run.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum NonSteerableTurnKind {
    Review,
    Compact,
}

/// The coarse choice of a sandbox, as it is given to `thread/start`; answers carry the full
/// `SandboxPolicy`. `read-only`: read anything, write nothing. `workspace-write`: write in the working
/// folder and the temporary folders. `danger-full-access`: no sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, JsonSchema, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export_to = "v2/")]
pub enum SandboxMode {
    ReadOnly,
    WorkspaceWrite,
    DangerFullAccess,
}

/// What commands of the agent may touch.
///
/// On input `mode` is understood as `type`, and the kebab-case names as well.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema, TS)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[ts(export_to = "v2/")]
pub enum SandboxPolicy {
    /// No sandbox at all.
    DangerFullAccess,
    /// Everything may be read, nothing written.
    ReadOnly {
        /// Whether commands may open network connections.
        #[serde(default, deserialize_with = "compat::null_as_default")]
        network_access: bool,
    },
    /// The whole server already runs inside a sandbox of the caller's; commands get no second one.
    ExternalSandbox {
        /// What the outer sandbox allows, as told to the model.
        #[serde(default)]
        network_access: NetworkAccess,
    },
    /// Everything may be read; the working folder, the temporary folders and `writableRoots` may be
    /// written.
    WorkspaceWrite {
        /// Leaves `/tmp` out of what may be written.
        #[serde(default, deserialize_with = "compat::null_as_default")]
        exclude_slash_tmp: bool,
        /// Leaves the folder named by `TMPDIR` out of what may be written.
        #[serde(default, deserialize_with = "compat::null_as_default")]
        exclude_tmpdir_env_var: bool,
        /// Whether commands may open network connections.
        #[serde(default, deserialize_with = "compat::null_as_default")]
        network_access: bool,
        /// Further folders that may be written, beside the working folder.
        #[serde(default, deserialize_with = "compat::null_as_default")]
        writable_roots: Vec<AbsolutePathBuf>,
    },
}

/// One round of work: an input and all that follows from it until the agent stops.
///
/// `turn/started` carries it without items and `turn/completed` with the last message at most; the items
/// themselves come as `item/started` and `item/completed`. Token usage is not part of it, see
/// `thread/tokenUsage/updated`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct Turn {
    /// Unix seconds; null while it runs, and for turns without a recorded end.
    #[serde(default)]
    pub completed_at: Option<i64>,
    /// From start to end in milliseconds; null while unknown.
    #[serde(default)]
    pub duration_ms: Option<i64>,
    /// Set when `status` is `failed`.
    #[serde(default)]
    pub error: Option<TurnError>,
    /// A UUIDv7, unique over all threads. Turns of files written by old versions are numbered `turn-1`,
    /// `turn-2` and so on.
    pub id: String,
    /// As much of the turn as `itemsView` says.
    pub items: Vec<ThreadItem>,
    /// How complete `items` is.
    #[serde(default)]
    pub items_view: TurnItemsView,
    /// The turn a sub-agent's turn was caused by; a user's turn names itself.
    #[serde(default)]
    pub root_turn_id: Option<String>,
    /// Unix seconds; null while unknown.
    #[serde(default)]
    pub started_at: Option<i64>,
    pub status: TurnStatus,
}

/// Sent with `turn/completed` as the last message of a turn, whether it completed, failed or was
/// interrupted. The thread's file on disk is complete by then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct TurnCompletedNotification {
    pub thread_id: String,
    pub turn: Turn,
}

/// Sent with `turn/diff/updated` after each applied file change and before the turn ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct TurnDiffUpdatedNotification {
    /// Everything the turn has changed so far, as one unified git diff; it replaces the one before it.
    pub diff: String,
    pub thread_id: String,
    pub turn_id: String,
}

/// One of the environments a turn may work in. Accepted and without effect: this server has one
/// environment, the machine it runs on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct TurnEnvironmentParams {
    pub cwd: LegacyAppPathString,
    pub environment_id: String,
    #[serde(default)]
    pub runtime_workspace_roots: Option<Vec<LegacyAppPathString>>,
}

/// What went wrong in a turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct TurnError {
    /// The underlying cause as text, if there is more to say than `message`.
    #[serde(default)]
    pub additional_details: Option<String>,
    /// The kind of failure, for a program; null when it was not classified.
    #[serde(default)]
    pub codex_error_info: Option<CodexErrorInfo>,
    /// For a person to read.
    pub message: String,
    /// Always null from this server.
    #[serde(default)]
    pub misalignment: Option<MisalignmentErrorDetails>,
}

/// Asks to stop the running turn. Commands it runs are killed; open approval questions are withdrawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct TurnInterruptParams {
    pub thread_id: String,
    /// Must be the running turn, else the request is refused.
    pub turn_id: String,
}

/// Sent at once; the turn is over when `turn/completed` says `interrupted`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[ts(export_to = "v2/")]
pub struct TurnInterruptResponse {}

/// How much of a turn's items is included: `notLoaded` none, `summary` the last answer, `full` all.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum TurnItemsView {
    NotLoaded,
    Summary,
    #[default]
    Full,
}

/// One line of the agent's plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct TurnPlanStep {
    pub status: TurnPlanStepStatus,
    pub step: String,
}

/// How far a line of the plan is.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum TurnPlanStepStatus {
    Pending,
    InProgress,
    Completed,
}

/// Sent with `turn/plan/updated` when the agent wrote or ticked off its plan. The whole plan is sent each
/// time and replaces the one before; no item is made of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct TurnPlanUpdatedNotification {
    /// What the model said about the change, if anything.
    #[serde(default)]
    pub explanation: Option<String>,
    pub plan: Vec<TurnPlanStep>,
    pub thread_id: String,
    pub turn_id: String,
}

/// Changes settings of a running turn for its next model request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct TurnSettingsUpdateParams {
    #[serde(default)]
    pub approvals_reviewer: Option<ApprovalsReviewer>,
    #[serde(default)]
    pub effort: Option<ReasoningEffort>,
    #[serde(default)]
    pub environments: Option<Vec<TurnEnvironmentParams>>,
    #[serde(default)]
    pub model: Option<String>,
    #[serde(default)]
    pub service_tier: Option<String>,
    #[serde(default)]
    pub summary: Option<ReasoningSummary>,
    pub thread_id: String,
    pub turn_id: String,
}

/// Says whether the change reached the turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct TurnSettingsUpdateResponse {
    pub status: TurnSettingsUpdateStatus,
}

/// `applied`, or `targetUnavailable` when the turn ended before the change could reach it.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum TurnSettingsUpdateStatus {
    Applied,
    TargetUnavailable,
}

/// Starts a turn. If one is already running the input goes into it and the answer names the running turn.
///
/// The settings from `approvalPolicy` to `summary` are kept for the thread's later turns; `outputSchema`,
/// `clientUserMessageId` and `serviceTierForTurn` hold for this turn only. Null or absent keeps what the
/// thread has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct TurnStartParams {
    #[serde(default)]
    pub approval_policy: Option<AskForApproval>,
    #[serde(default)]
    pub approvals_reviewer: Option<ApprovalsReviewer>,
    /// Returned as `clientId` of the user message item, so that a client can match it to its own.
    #[serde(default)]
    pub client_user_message_id: Option<String>,
    /// New working folder of the thread; relative to the server's own.
    #[serde(default)]
    pub cwd: Option<String>,
    #[serde(default)]
    pub disabled_plugin_ids: Option<Vec<String>>,
    /// How hard the model should think; the words depend on the model.
    #[serde(default)]
    pub effort: Option<ReasoningEffort>,
    /// May be empty: a turn without a user message.
    pub input: Vec<UserInput>,
    #[serde(default)]
    pub model: Option<String>,
    /// A JSON Schema the final answer has to follow.
    #[serde(default)]
    pub output_schema: Option<Value>,
    /// Accepted and not interpreted.
    #[serde(default)]
    pub parent_turn_id: Option<String>,
    #[serde(default)]
    pub personality: Option<Personality>,
    /// Accepted and not interpreted.
    #[serde(default)]
    pub root_turn_id: Option<String>,
    /// New sandbox of the thread.
    #[serde(default)]
    pub sandbox_policy: Option<SandboxPolicy>,
    #[serde(default)]
    pub service_tier: Option<String>,
    /// Overrides `serviceTier` for this turn only.
    #[serde(default)]
    pub service_tier_for_turn: Option<String>,
    /// How the model's reasoning is summarised.
    #[serde(default)]
    pub summary: Option<ReasoningSummary>,
    pub thread_id: String,
    /// The result of a tool the client ran on its own account, for the model to see with the input.
    #[serde(default)]
    pub tool_output: Option<TurnToolOutput>,
    /// Accepted and not interpreted.
    #[serde(default)]
    pub turn_trigger: Option<String>,
    /// More context for the model, by a key of the client's choice.
    #[serde(default)]
    #[schemars(extend("x-experimental" = "gated"))]
    pub additional_context: Option<BTreeMap<String, AdditionalContextEntry>>,
    /// Plan or default mode with its settings, from this turn on.
    #[serde(default)]
    #[schemars(extend("x-experimental" = "open"))]
    pub collaboration_mode: Option<CollaborationMode>,
    #[serde(default)]
    #[schemars(extend("x-experimental" = "gated"))]
    pub cyber_access_program: Option<CyberAccessProgram>,
    #[serde(default)]
    #[schemars(extend("x-experimental" = "gated"))]
    pub environments: Option<Vec<TurnEnvironmentParams>>,
    #[serde(default)]
    #[schemars(extend("x-experimental" = "gated"))]
    pub multi_agent_mode: Option<MultiAgentMode>,
    #[serde(default)]
    #[schemars(extend("x-experimental" = "gated"))]
    pub permissions: Option<String>,
    #[serde(default)]
    #[schemars(extend("x-experimental" = "gated"))]
    pub responsesapi_client_metadata: Option<BTreeMap<String, String>>,
    #[serde(default)]
    #[schemars(extend("x-experimental" = "gated"))]
    pub responsesapi_client_metadata_patch: Option<BTreeMap<String, String>>,
    #[serde(default)]
    #[schemars(extend("x-experimental" = "gated"))]
    pub runtime_workspace_roots: Option<Vec<AbsolutePathBuf>>,
}

/// The new turn, in progress and without items; the running turn if the input went into that. Sent before
/// `turn/started`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct TurnStartResponse {
    pub turn: Turn,
}

/// Sent with `turn/started` before the turn's first item. `startedAt` is set, `items` is empty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct TurnStartedNotification {
    pub thread_id: String,
    pub turn: Turn,
}

/// How a turn stands. `interrupted`: a client stopped it, or the server ended while it ran.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum TurnStatus {
    Completed,
    Interrupted,
    Failed,
    InProgress,
}

/// Adds input to the running turn; the model sees it with its next request. Refused unless exactly that
/// turn runs and takes input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct TurnSteerParams {
    /// Returned as `clientId` of the user message item.
    #[serde(default)]
    pub client_user_message_id: Option<String>,
    /// The turn the client believes is running; another one refuses the request.
    pub expected_turn_id: String,
    /// Must not be empty.
    pub input: Vec<UserInput>,
    pub thread_id: String,
    #[serde(default)]
    #[schemars(extend("x-experimental" = "gated"))]
    pub additional_context: Option<BTreeMap<String, AdditionalContextEntry>>,
    #[serde(default)]
    #[schemars(extend("x-experimental" = "gated"))]
    pub responsesapi_client_metadata: Option<BTreeMap<String, String>>,
    #[serde(default)]
    #[schemars(extend("x-experimental" = "gated"))]
    pub responsesapi_client_metadata_patch: Option<BTreeMap<String, String>>,
}

/// Sent when the input is queued; its user message item appears when the turn takes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct TurnSteerResponse {
    pub turn_id: String,
}

/// A page of a thread's turns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct TurnsPage {
    #[serde(default)]
    pub backwards_cursor: Option<String>,
    pub data: Vec<Turn>,
    #[serde(default)]
    pub next_cursor: Option<String>,
}

/// Sent with `warning` for what is worth knowing and stops nothing, such as a model the server has no data
/// about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct WarningNotification {
    pub message: String,
    /// Null when it concerns no single thread.
    #[serde(default)]
    pub thread_id: Option<String>,
}
