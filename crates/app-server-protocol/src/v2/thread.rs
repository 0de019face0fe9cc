//! Threads: making, finding, changing and removing them (wire specification 3, 4 and 11).
#![allow(
    missing_docs,
    reason = "a field is named as on the wire; what is not plain from its name has a comment"
)]

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;

use super::common::{AbsolutePathBuf, LegacyAppPathString};
use super::compat;
use super::config::ActivePermissionProfile;
use super::item::{DynamicToolSpec, ThreadItem};
use super::model::{CollaborationMode, Personality, ReasoningEffort, ReasoningSummary};
use super::response_item::ResponseItem;
use super::turn::{
    ApprovalsReviewer, AskForApproval, SandboxMode, SandboxPolicy, Turn, TurnEnvironmentParams,
    TurnItemsView, TurnsPage,
};

/// Where a sub-agent stands in the tree of agents, as a path of names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, TS)]
#[serde(transparent)]
pub struct AgentPath(pub String);

/// Where added capabilities are found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[ts(export_to = "v2/")]
pub enum CapabilityRootLocation {
    /// A folder of an environment.
    Environment { environment_id: String, path: String },
}

/// The git state of the working folder when the thread was started. Each part is null where git had no
/// answer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct GitInfo {
    /// Null on a detached head.
    #[serde(default)]
    pub branch: Option<String>,
    /// Address of the remote named `origin`.
    #[serde(default)]
    pub origin_url: Option<String>,
    /// The commit checked out.
    #[serde(default)]
    pub sha: Option<String>,
}

/// How freely the agent starts sub-agents: `explicitRequestOnly` when the user asks for it, `proactive` on
/// its own account, `custom` by the instructions given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
pub enum MultiAgentMode {
    ExplicitRequestOnly,
    Proactive,
    Custom(String),
}

/// Which set of sub-agent tools a model is given.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum MultiAgentVersion {
    Disabled,
    V1,
    V2,
}

/// A place with skills or tools that the client wants a thread to have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct SelectedCapabilityRoot {
    pub id: String,
    pub location: CapabilityRootLocation,
}

/// Which kind of program made a thread. Threads of this server are `vscode`, whatever the client, as older
/// clients list only these; `originator` has the client's name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
pub enum SessionSource {
    Cli,
    Vscode,
    Exec,
    AppServer,
    Unknown,
    Custom(String),
    SubAgent(SubAgentSource),
}

/// `asc`: smallest or oldest first. `desc`: largest or newest first.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum SortDirection {
    Asc,
    Desc,
}

/// Why the server itself made a thread.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
pub enum SubAgentSource {
    Review,
    Compact,
    MemoryConsolidation,
    ThreadSpawn {
        #[serde(default)]
        agent_nickname: Option<String>,
        #[serde(default)]
        agent_path: Option<AgentPath>,
        #[serde(default)]
        agent_role: Option<String>,
        depth: i32,
        parent_thread_id: ThreadId,
    },
    Other(String),
}

/// A conversation with the agent.
///
/// `turns` is filled only in the results of resume, fork, rollback and read with `includeTurns`; everywhere
/// else it is empty. Every member is always sent, null where unset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct Thread {
    /// A spawned agent's display name.
    #[serde(default)]
    pub agent_nickname: Option<String>,
    /// What a spawned agent was made for.
    #[serde(default)]
    pub agent_role: Option<String>,
    /// Version of the program that made the thread.
    pub cli_version: String,
    /// Unix seconds.
    pub created_at: i64,
    /// The working folder; it need not exist.
    pub cwd: AbsolutePathBuf,
    /// Never written to disk: `path` is null, it is not listed, and cannot be archived, forked or paged.
    pub ephemeral: bool,
    /// The thread it was forked from.
    #[serde(default)]
    pub forked_from_id: Option<String>,
    /// Null outside a git repository, and while not known yet.
    #[serde(default)]
    pub git_info: Option<GitInfo>,
    /// The form its file has on disk.
    #[serde(default)]
    pub history_mode: ThreadHistoryMode,
    /// A UUIDv7; the name of the file on disk ends in it.
    pub id: String,
    /// The model of the last turn; null when a file does not say.
    #[serde(default)]
    pub model: Option<String>,
    /// Id of the provider of the last turn.
    pub model_provider: String,
    /// Given with `thread/name/set`.
    #[serde(default)]
    pub name: Option<String>,
    /// `clientInfo.name` of the client that made it.
    #[serde(default)]
    pub originator: Option<String>,
    /// The thread that spawned it as a sub-agent.
    #[serde(default)]
    pub parent_thread_id: Option<String>,
    /// The file on disk. It exists from the first turn on.
    #[serde(default)]
    pub path: Option<String>,
    /// The text of the first user message, empty before.
    pub preview: String,
    /// Always null from this server.
    #[schemars(extend("x-required" = true))]
    pub project_id: Option<String>,
    /// The effort of the last turn.
    #[serde(default)]
    pub reasoning_effort: Option<ReasoningEffort>,
    /// Unix seconds of the user's last activity.
    #[serde(default)]
    pub recency_at: Option<i64>,
    /// The section it was moved to with `thread/section/move`.
    #[serde(default)]
    pub section: Option<ThreadSection>,
    /// Unix seconds.
    #[serde(default)]
    pub section_entered_at: Option<i64>,
    /// The thread at the root of a tree of agents; its own id unless it was spawned.
    pub session_id: String,
    /// Which kind of program made it.
    pub source: SessionSource,
    /// What it is doing now.
    pub status: ThreadStatus,
    /// The client's own word from `thread/start`.
    #[serde(default)]
    pub thread_source: Option<ThreadSource>,
    /// Oldest first.
    pub turns: Vec<Turn>,
    /// Unix seconds of the last write.
    pub updated_at: i64,
}

/// What a running turn waits for. `waitingOnApproval`: at least one approval, permission or elicitation
/// request is open. `waitingOnUserInput`: at least one question to the user is open.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum ThreadActiveFlag {
    WaitingOnApproval,
    WaitingOnUserInput,
}

/// Moves a thread, and agents it spawned, out of the ordinary list. A loaded one is shut down first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ThreadArchiveParams {
    pub thread_id: String,
}

/// Empty: archived; `thread/archived` follows.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[ts(export_to = "v2/")]
pub struct ThreadArchiveResponse {}

/// Sent with `thread/archived` for each thread that was archived.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadArchivedNotification {
    pub thread_id: String,
}

/// Something a client tied to a thread, found again by type and identity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadAttachment {
    /// The client's word for its kind.
    pub attachment_type: String,
    /// Unix seconds.
    pub created_at: i64,
    pub id: String,
    /// What makes two attachments of a type the same one.
    pub identity_key: String,
    /// The client's data, stored as it is.
    pub payload: Value,
}

/// Whether the attachment is new or was there.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum ThreadAttachmentAddOutcome {
    Created,
    Existing,
}

/// Ties something to a thread.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ThreadAttachmentAddParams {
    pub attachment_type: String,
    pub identity_key: String,
    pub payload: Value,
    pub thread_id: String,
}

/// The attachment as it is stored now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadAttachmentAddResponse {
    pub attachment: ThreadAttachment,
    pub outcome: ThreadAttachmentAddOutcome,
}

/// Asks for a thread's attachments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ThreadAttachmentListParams {
    #[serde(default)]
    pub cursor: Option<String>,
    #[serde(default)]
    pub limit: Option<u32>,
    pub thread_id: String,
}

/// A page of attachments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadAttachmentListResponse {
    pub data: Vec<ThreadAttachment>,
    #[serde(default)]
    pub next_cursor: Option<String>,
}

/// What happened to an attachment.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum ThreadAttachmentOperation {
    Created,
    Deleted,
}

/// A thread that has a certain attachment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadAttachmentOwner {
    pub archived: bool,
    pub thread_id: String,
}

/// Asks which threads have a certain attachment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ThreadAttachmentOwnerListParams {
    /// Only archived threads (true) or only others (false); null: both.
    #[serde(default)]
    pub archived: Option<bool>,
    pub attachment_type: String,
    #[serde(default)]
    pub cursor: Option<String>,
    pub identity_key: String,
    #[serde(default)]
    pub limit: Option<u32>,
}

/// A page of threads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadAttachmentOwnerListResponse {
    pub data: Vec<ThreadAttachmentOwner>,
    #[serde(default)]
    pub next_cursor: Option<String>,
}

/// Removes an attachment from a thread.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ThreadAttachmentRemoveParams {
    pub attachment_type: String,
    pub identity_key: String,
    pub thread_id: String,
}

/// Empty: the attachment is gone.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[ts(export_to = "v2/")]
pub struct ThreadAttachmentRemoveResponse {}

/// Sent with `thread/attachment/updated` when an attachment was added or removed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadAttachmentUpdatedNotification {
    pub attachment_id: String,
    pub attachment_type: String,
    pub identity_key: String,
    pub operation: ThreadAttachmentOperation,
    pub thread_id: String,
}

/// A command that went on running after its turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadBackgroundTerminal {
    pub command: String,
    /// Share of one processor; null where it cannot be measured.
    #[serde(default)]
    pub cpu_percent: Option<f64>,
    pub cwd: LegacyAppPathString,
    /// The command's item.
    pub item_id: String,
    /// The process id of the system.
    #[serde(default)]
    pub os_pid: Option<u32>,
    /// Names it in requests.
    pub process_id: String,
    /// Memory in KiB; null where it cannot be measured.
    #[serde(default)]
    pub rss_kb: Option<u64>,
}

/// Ends all of a thread's background commands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ThreadBackgroundTerminalsCleanParams {
    pub thread_id: String,
}

/// Empty: all of them were told to end.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[ts(export_to = "v2/")]
pub struct ThreadBackgroundTerminalsCleanResponse {}

/// Asks for a thread's background commands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ThreadBackgroundTerminalsListParams {
    #[serde(default)]
    pub cursor: Option<String>,
    #[serde(default)]
    pub limit: Option<u32>,
    pub thread_id: String,
}

/// A page of background commands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadBackgroundTerminalsListResponse {
    pub data: Vec<ThreadBackgroundTerminal>,
    #[serde(default)]
    pub next_cursor: Option<String>,
}

/// Ends one of a thread's background commands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ThreadBackgroundTerminalsTerminateParams {
    pub process_id: String,
    pub thread_id: String,
}

/// Whether there was such a command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadBackgroundTerminalsTerminateResponse {
    pub terminated: bool,
}

/// Sent with `thread/closed` when a thread nobody was subscribed to was unloaded for lack of use. It is
/// still on disk and can be resumed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadClosedNotification {
    pub thread_id: String,
}

/// Asks to replace the model's history of the thread by a summary, as a turn of its own. What the client
/// has shown stays as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ThreadCompactStartParams {
    pub thread_id: String,
}

/// Sent at once; the turn follows with a `contextCompaction` item.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[ts(export_to = "v2/")]
pub struct ThreadCompactStartResponse {}

/// Removes a thread from disk for good, archived or not, with the agents it spawned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ThreadDeleteParams {
    pub thread_id: String,
}

/// Empty: gone; `thread/deleted` follows for each thread.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[ts(export_to = "v2/")]
pub struct ThreadDeleteResponse {}

/// Sent with `thread/deleted` for each thread that was deleted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadDeletedNotification {
    pub thread_id: String,
}

/// Makes a new thread with the history of another. A turn that is running is copied as interrupted.
///
/// The settings are those of the source unless given here.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ThreadForkParams {
    #[serde(default)]
    pub approval_policy: Option<AskForApproval>,
    #[serde(default)]
    pub approvals_reviewer: Option<ApprovalsReviewer>,
    #[serde(default)]
    pub base_instructions: Option<String>,
    /// Settings by dotted key, above those of the configuration files.
    #[serde(default)]
    pub config: Option<BTreeMap<String, Value>>,
    /// Relative to the server's own.
    #[serde(default)]
    pub cwd: Option<String>,
    #[serde(default)]
    pub developer_instructions: Option<String>,
    /// Keeps the new thread in memory only.
    #[serde(default, deserialize_with = "compat::null_as_default")]
    #[ts(optional, as = "Option<_>")]
    pub ephemeral: bool,
    /// Leaves `thread.turns` of the result empty.
    #[serde(default, deserialize_with = "compat::null_as_default")]
    #[ts(optional, as = "Option<_>")]
    pub exclude_turns: bool,
    /// Copies up to and with this turn; null: all.
    #[serde(default)]
    pub last_turn_id: Option<String>,
    #[serde(default)]
    pub model: Option<String>,
    #[serde(default)]
    pub model_provider: Option<String>,
    #[serde(default)]
    pub sandbox: Option<SandboxMode>,
    #[serde(default)]
    pub service_tier: Option<String>,
    pub thread_id: String,
    #[serde(default)]
    pub thread_source: Option<ThreadSource>,
    #[serde(default, deserialize_with = "compat::null_as_default")]
    #[schemars(extend("x-experimental" = "gated"))]
    #[ts(optional, as = "Option<_>")]
    pub attach_to_source: bool,
    /// Copies up to this turn, without it.
    #[serde(default)]
    #[schemars(extend("x-experimental" = "gated"))]
    pub before_turn_id: Option<String>,
    #[serde(default, deserialize_with = "compat::null_as_default")]
    #[schemars(extend("x-experimental" = "gated"))]
    #[ts(optional, as = "Option<_>")]
    pub defer_goal_continuation: bool,
    #[serde(default, deserialize_with = "compat::null_as_default")]
    #[schemars(extend("x-experimental" = "gated"))]
    #[ts(optional, as = "Option<_>")]
    pub experimental_disable_prediction_mcp: bool,
    #[serde(default, deserialize_with = "compat::null_as_default")]
    #[schemars(extend("x-experimental" = "gated"))]
    #[ts(optional, as = "Option<_>")]
    pub experimental_prediction_mode: bool,
    /// Takes the history from this file instead of from `threadId`.
    #[serde(default)]
    #[schemars(extend("x-experimental" = "open"))]
    pub path: Option<String>,
    #[serde(default)]
    #[schemars(extend("x-experimental" = "gated"))]
    pub permissions: Option<String>,
    #[serde(default)]
    #[schemars(extend("x-experimental" = "gated"))]
    pub runtime_workspace_roots: Option<Vec<AbsolutePathBuf>>,
}

/// The new thread with its turns and the settings in force. Token usage and `thread/started` follow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadForkResponse {
    pub approval_policy: AskForApproval,
    pub approvals_reviewer: ApprovalsReviewer,
    pub cwd: AbsolutePathBuf,
    #[serde(default)]
    pub disabled_plugin_ids: Vec<String>,
    /// Absolute paths of the AGENTS.md files in force, in the order they are read.
    #[serde(default)]
    pub instruction_sources: Vec<LegacyAppPathString>,
    pub model: String,
    pub model_provider: String,
    #[serde(default)]
    pub reasoning_effort: Option<ReasoningEffort>,
    pub sandbox: SandboxPolicy,
    #[serde(default)]
    pub service_tier: Option<String>,
    pub thread: Thread,
}

/// What a thread works towards. With an active one an idle thread starts turns by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadGoal {
    /// Unix seconds.
    pub created_at: i64,
    pub objective: String,
    pub status: ThreadGoalStatus,
    pub thread_id: String,
    /// Time spent in turns since the goal was set.
    pub time_used_seconds: i64,
    /// Stops the goal when reached; null: no limit.
    #[serde(default)]
    pub token_budget: Option<i64>,
    pub tokens_used: i64,
    /// Unix seconds.
    pub updated_at: i64,
}

/// Removes a thread's goal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ThreadGoalClearParams {
    #[serde(default)]
    pub origin: Option<ThreadGoalMutationOrigin>,
    pub thread_id: String,
}

/// Whether there was one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadGoalClearResponse {
    pub cleared: bool,
}

/// Sent with `thread/goal/cleared` when a thread's goal was removed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadGoalClearedNotification {
    pub thread_id: String,
}

/// Asks for a thread's goal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ThreadGoalGetParams {
    pub thread_id: String,
}

/// The goal, or null.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadGoalGetResponse {
    #[serde(default)]
    pub goal: Option<ThreadGoal>,
}

/// Whether a person or a program changed the goal.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum ThreadGoalMutationOrigin {
    User,
    Automatic,
}

/// Sets or changes a thread's goal; what is null stays as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ThreadGoalSetParams {
    /// Must not be blank.
    #[serde(default)]
    pub objective: Option<String>,
    #[serde(default)]
    pub origin: Option<ThreadGoalMutationOrigin>,
    #[serde(default)]
    pub status: Option<ThreadGoalStatus>,
    pub thread_id: String,
    /// Must be positive.
    #[serde(default)]
    pub token_budget: Option<i64>,
}

/// The goal as it stands now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadGoalSetResponse {
    pub goal: ThreadGoal,
}

/// How a goal stands; only an `active` one starts turns.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum ThreadGoalStatus {
    Active,
    Paused,
    Blocked,
    UsageLimited,
    BudgetLimited,
    Complete,
}

/// Sent with `thread/goal/updated` when a thread's goal changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadGoalUpdatedNotification {
    pub goal: ThreadGoal,
    pub thread_id: String,
    /// The turn in which the agent changed it; null when a client did.
    #[serde(default)]
    pub turn_id: Option<String>,
}

/// The form of a thread's file: `legacy` is what this server writes, `paginated` is read as well.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum ThreadHistoryMode {
    #[default]
    Legacy,
    Paginated,
}

/// The id of a thread.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, TS)]
#[serde(transparent)]
pub struct ThreadId(pub String);

/// Appends items to the model's history without a turn. Clients see nothing of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ThreadInjectItemsParams {
    /// Items in the form of the model API; an item that is not one refuses the request.
    pub items: Vec<Value>,
    pub thread_id: String,
}

/// Empty: appended.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[ts(export_to = "v2/")]
pub struct ThreadInjectItemsResponse {}

/// An item with its turn and times.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadItemEntry {
    /// Unix milliseconds; null while it runs or when not recorded.
    #[serde(default)]
    pub completed_at_ms: Option<i64>,
    pub item: ThreadItem,
    /// Unix milliseconds; null when not recorded.
    #[serde(default)]
    pub started_at_ms: Option<i64>,
    pub turn_id: String,
}

/// Kinds of items whose output may be left out of a page.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ThreadItemOutputDeferral {
    #[serde(default, deserialize_with = "compat::null_as_default")]
    #[schemars(extend("x-experimental" = "gated"))]
    #[ts(optional, as = "Option<_>")]
    pub command_execution: bool,
    #[serde(default, deserialize_with = "compat::null_as_default")]
    #[schemars(extend("x-experimental" = "gated"))]
    #[ts(optional, as = "Option<_>")]
    pub mcp_tool_call: bool,
}

/// A place in a thread given by what stands there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[ts(export_to = "v2/")]
pub enum ThreadItemsListAnchor {
    /// Begins at this item.
    Item { item_id: String },
}

/// Where a page of items begins: a cursor of an earlier answer, or an item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(untagged)]
#[ts(export_to = "v2/")]
pub enum ThreadItemsListCursor {
    Cursor(String),
    Anchor(ThreadItemsListAnchor),
}

/// Asks for the items of a thread, or of one turn, page by page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ThreadItemsListParams {
    #[serde(default)]
    pub cursor: Option<ThreadItemsListCursor>,
    #[serde(default)]
    pub defer_output: Option<ThreadItemOutputDeferral>,
    /// 25 when absent, 100 at most.
    #[serde(default)]
    pub limit: Option<u32>,
    /// Oldest first when absent.
    #[serde(default)]
    pub sort_direction: Option<SortDirection>,
    pub thread_id: String,
    #[serde(default)]
    pub turn_id: Option<String>,
}

/// A page of items.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadItemsListResponse {
    /// Continues in the other direction.
    #[serde(default)]
    pub backwards_cursor: Option<String>,
    pub data: Vec<ThreadItemEntry>,
    /// Null on the last page.
    #[serde(default)]
    pub next_cursor: Option<String>,
}

/// Asks for single items of a turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ThreadItemsReadParams {
    pub item_ids: Vec<String>,
    pub thread_id: String,
    pub turn_id: String,
}

/// The items that were found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadItemsReadResponse {
    pub data: Vec<ThreadItemEntry>,
}

/// One folder or several, compared exactly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(untagged)]
#[ts(export_to = "v2/")]
pub enum ThreadListCwdFilter {
    One(String),
    Many(Vec<String>),
}

/// Asks for threads on disk, page by page. Filters are combined with "and"; absent, null and an empty list
/// do not filter, `sourceKinds` excepted.
///
/// A thread appears after its first user message.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ThreadListParams {
    /// True: only archived threads; otherwise only the others.
    #[serde(default)]
    pub archived: Option<bool>,
    /// Accepted and without effect.
    #[serde(default, deserialize_with = "compat::null_as_default")]
    #[ts(optional, as = "Option<_>")]
    pub current_account_only: bool,
    /// `nextCursor` or `backwardsCursor` of an earlier answer.
    #[serde(default)]
    pub cursor: Option<String>,
    /// Only threads of these working folders.
    #[serde(default)]
    pub cwd: Option<ThreadListCwdFilter>,
    /// Threads left out.
    #[serde(default)]
    pub excluded_thread_ids: Option<Vec<String>>,
    /// 25 when absent, 100 at most.
    #[serde(default)]
    pub limit: Option<u32>,
    #[serde(default)]
    pub model_providers: Option<Vec<String>>,
    /// Only threads made by these clients.
    #[serde(default)]
    pub originators: Option<Vec<String>>,
    /// Only threads with this text in the name or the preview.
    #[serde(default)]
    pub search_term: Option<String>,
    /// Only threads of this section.
    #[serde(default)]
    pub section_id: Option<String>,
    /// When absent, newest first, and sections from their top.
    #[serde(default)]
    pub sort_direction: Option<SortDirection>,
    /// Time of creation when absent.
    #[serde(default)]
    pub sort_key: Option<ThreadSortKey>,
    /// Only threads made by these kinds of programs; when absent or empty, those a person talked to, or
    /// any if a parent or an ancestor is named.
    #[serde(default)]
    pub source_kinds: Option<Vec<ThreadSourceKind>>,
    /// Accepted and without effect.
    #[serde(default, deserialize_with = "compat::null_as_default")]
    #[ts(optional, as = "Option<_>")]
    pub use_state_db_only: bool,
    /// Only agents of this thread, agents of those, and so on.
    #[serde(default)]
    #[schemars(extend("x-experimental" = "gated"))]
    pub ancestor_thread_id: Option<String>,
    #[serde(default)]
    #[schemars(extend("x-experimental" = "gated"))]
    pub attached_to_thread_id: Option<String>,
    #[serde(default, deserialize_with = "compat::null_as_default")]
    #[schemars(extend("x-experimental" = "gated"))]
    #[ts(optional, as = "Option<_>")]
    pub include_attached_threads: bool,
    /// Only agents that this thread spawned.
    #[serde(default)]
    #[schemars(extend("x-experimental" = "gated"))]
    pub parent_thread_id: Option<String>,
    #[serde(default)]
    #[schemars(extend("x-experimental" = "gated"))]
    pub project_id: Option<String>,
}

/// A page of threads without their turns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadListResponse {
    /// Continues in the other direction; null on an empty page.
    #[serde(default)]
    pub backwards_cursor: Option<String>,
    pub data: Vec<Thread>,
    /// Null on the last page.
    #[serde(default)]
    pub next_cursor: Option<String>,
}

/// Asks which threads are in memory.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ThreadLoadedListParams {
    /// `nextCursor` of an earlier answer.
    #[serde(default)]
    pub cursor: Option<String>,
    /// At most this many ids.
    #[serde(default)]
    pub limit: Option<u32>,
}

/// Ids of threads in memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadLoadedListResponse {
    pub data: Vec<String>,
    /// Null on the last page.
    #[serde(default)]
    pub next_cursor: Option<String>,
}

/// What to change of a thread's git state: null clears a value, an absent one stays.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ThreadMetadataGitInfoUpdateParams {
    #[serde(default, deserialize_with = "compat::double_option", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    #[ts(type = "string | null", optional)]
    pub branch: Option<Option<String>>,
    #[serde(default, deserialize_with = "compat::double_option", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    #[ts(type = "string | null", optional)]
    pub origin_url: Option<Option<String>>,
    #[serde(default, deserialize_with = "compat::double_option", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    #[ts(type = "string | null", optional)]
    pub sha: Option<Option<String>>,
}

/// Changes what is recorded about a thread. There must be something to change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ThreadMetadataUpdateParams {
    #[serde(default)]
    pub git_info: Option<ThreadMetadataGitInfoUpdateParams>,
    pub thread_id: String,
    #[serde(default)]
    #[schemars(extend("x-experimental" = "gated"))]
    pub daybreak_enabled: Option<bool>,
    #[serde(default)]
    #[schemars(extend("x-experimental" = "gated"))]
    pub project_id: Option<String>,
}

/// The thread as it is recorded now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadMetadataUpdateResponse {
    pub thread: Thread,
}

/// Sent with `thread/name/updated` when a thread was renamed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadNameUpdatedNotification {
    pub thread_id: String,
    /// Null when the name was removed.
    #[serde(default)]
    pub thread_name: Option<String>,
}

/// Asks for one thread, loaded or stored, without loading it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ThreadReadParams {
    /// Also rebuilds `thread.turns`.
    #[serde(default, deserialize_with = "compat::null_as_default")]
    #[ts(optional, as = "Option<_>")]
    pub include_turns: bool,
    pub thread_id: String,
}

/// The thread.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadReadResponse {
    pub thread: Thread,
}

/// Which turns the answer to a resume should bring along.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ThreadResumeInitialTurnsPageParams {
    #[serde(default)]
    pub items_view: Option<TurnItemsView>,
    #[serde(default)]
    pub limit: Option<u32>,
    #[serde(default)]
    pub sort_direction: Option<SortDirection>,
}

/// Loads a stored thread so that turns can be started, and subscribes to it.
///
/// Model and effort are those of its last turn unless given here. A thread that is loaded already is only
/// subscribed to, and the settings given here are ignored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ThreadResumeParams {
    #[serde(default)]
    pub approval_policy: Option<AskForApproval>,
    #[serde(default)]
    pub approvals_reviewer: Option<ApprovalsReviewer>,
    #[serde(default)]
    pub base_instructions: Option<String>,
    /// Settings by dotted key, above those of the configuration files.
    #[serde(default)]
    pub config: Option<BTreeMap<String, Value>>,
    /// Relative to the server's own.
    #[serde(default)]
    pub cwd: Option<String>,
    #[serde(default)]
    pub developer_instructions: Option<String>,
    /// Leaves `thread.turns` of the result empty.
    #[serde(default, deserialize_with = "compat::null_as_default")]
    #[ts(optional, as = "Option<_>")]
    pub exclude_turns: bool,
    #[serde(default)]
    pub model: Option<String>,
    #[serde(default)]
    pub model_provider: Option<String>,
    #[serde(default)]
    pub personality: Option<Personality>,
    #[serde(default)]
    pub sandbox: Option<SandboxMode>,
    #[serde(default)]
    pub service_tier: Option<String>,
    pub thread_id: String,
    /// Takes the history from these items instead of from disk; goes before `path`.
    #[serde(default)]
    #[schemars(extend("x-experimental" = "open"))]
    pub history: Option<Vec<ResponseItem>>,
    #[serde(default)]
    #[schemars(extend("x-experimental" = "gated"))]
    pub initial_turns_page: Option<ThreadResumeInitialTurnsPageParams>,
    /// Takes the history from this file instead of from `threadId`.
    #[serde(default)]
    #[schemars(extend("x-experimental" = "open"))]
    pub path: Option<String>,
    #[serde(default)]
    #[schemars(extend("x-experimental" = "gated"))]
    pub permissions: Option<String>,
    #[serde(default)]
    #[schemars(extend("x-experimental" = "gated"))]
    pub runtime_workspace_roots: Option<Vec<AbsolutePathBuf>>,
}

/// The thread with its turns and the settings in force. Token usage follows if it is on record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadResumeResponse {
    pub approval_policy: AskForApproval,
    pub approvals_reviewer: ApprovalsReviewer,
    #[serde(default)]
    pub collaboration_mode: Option<CollaborationMode>,
    pub cwd: AbsolutePathBuf,
    #[serde(default)]
    pub disabled_plugin_ids: Vec<String>,
    /// Absolute paths of the AGENTS.md files in force, in the order they are read.
    #[serde(default)]
    pub instruction_sources: Vec<LegacyAppPathString>,
    /// Where `thread/items/list` can go on towards older items.
    #[serde(default)]
    pub items_backwards_cursor: Option<String>,
    pub model: String,
    pub model_provider: String,
    #[serde(default)]
    pub reasoning_effort: Option<ReasoningEffort>,
    pub sandbox: SandboxPolicy,
    #[serde(default)]
    pub service_tier: Option<String>,
    pub thread: Thread,
    /// Where `thread/turns/list` can go on towards older turns.
    #[serde(default)]
    pub turns_backwards_cursor: Option<String>,
    #[serde(default)]
    #[schemars(extend("x-experimental" = "gated"))]
    pub initial_turns_page: Option<TurnsPage>,
}

/// Cuts a thread's history before a turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ThreadRevertParams {
    /// The first turn to drop.
    pub before_turn_id: String,
    pub thread_id: String,
}

/// The thread as it is now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadRevertResponse {
    #[serde(default)]
    pub items_backwards_cursor: Option<String>,
    pub thread: Thread,
    #[serde(default)]
    pub turns_backwards_cursor: Option<String>,
}

/// Sent with `thread/reverted` when a thread's history was cut.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadRevertedNotification {
    pub thread_id: String,
}

/// Drops the last turns from the model's history. Files the turns changed stay as they are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ThreadRollbackParams {
    /// At least 1; more than there are drops all.
    pub num_turns: u32,
    pub thread_id: String,
}

/// The thread with the turns that are left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadRollbackResponse {
    pub thread: Thread,
}

/// One place in a thread where a text occurs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadSearchOccurrence {
    pub item_id: String,
    /// The text around it.
    pub snippet: String,
    pub snippet_match_range: ThreadSearchTextRange,
    /// A cursor for `thread/turns/list` that begins at its turn.
    pub turn_cursor: String,
    pub turn_id: String,
}

/// Searches the text of one thread.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ThreadSearchOccurrencesParams {
    #[serde(default)]
    pub cursor: Option<String>,
    #[serde(default)]
    pub limit: Option<u32>,
    pub search_term: String,
    pub thread_id: String,
}

/// A page of places.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadSearchOccurrencesResponse {
    pub data: Vec<ThreadSearchOccurrence>,
    #[serde(default)]
    pub next_cursor: Option<String>,
}

/// Searches the text of stored threads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ThreadSearchParams {
    #[serde(default)]
    pub archived: Option<bool>,
    #[serde(default, deserialize_with = "compat::null_as_default")]
    #[ts(optional, as = "Option<_>")]
    pub current_account_only: bool,
    #[serde(default)]
    pub cursor: Option<String>,
    #[serde(default, deserialize_with = "compat::null_as_default")]
    #[ts(optional, as = "Option<_>")]
    pub include_attached_threads: bool,
    #[serde(default)]
    pub limit: Option<u32>,
    pub search_term: String,
    #[serde(default)]
    pub sort_direction: Option<SortDirection>,
    #[serde(default)]
    pub sort_key: Option<ThreadSearchSortKey>,
    #[serde(default)]
    pub source_kinds: Option<Vec<ThreadSourceKind>>,
}

/// A page of threads that have the text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadSearchResponse {
    #[serde(default)]
    pub backwards_cursor: Option<String>,
    pub data: Vec<ThreadSearchResult>,
    #[serde(default)]
    pub next_cursor: Option<String>,
}

/// A thread that has the text searched for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadSearchResult {
    /// The text around the first place.
    pub snippet: String,
    pub thread: Thread,
}

/// What found threads are ordered by.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export_to = "v2/")]
pub enum ThreadSearchSortKey {
    CreatedAt,
    UpdatedAt,
    RecencyAt,
}

/// A stretch of a snippet, from `start` up to `end`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadSearchTextRange {
    pub end: u32,
    pub start: u32,
}

/// A folder of threads in a client's list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadSection {
    #[serde(default)]
    pub appearance: Option<ThreadSectionAppearance>,
    pub id: String,
    pub name: String,
}

/// How a section looks; the words are the client's.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadSectionAppearance {
    #[serde(default)]
    pub color: Option<String>,
    #[serde(default)]
    pub icon: Option<String>,
}

/// Sent with `thread/section/changed` when a thread was moved; a null section means it is in none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadSectionChangedNotification {
    #[schemars(extend("x-required" = true))]
    pub section_id: Option<String>,
    pub thread_id: String,
}

/// Makes a section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ThreadSectionCreateParams {
    #[serde(default)]
    pub appearance: Option<ThreadSectionAppearance>,
    pub name: String,
}

/// The new section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadSectionCreateResponse {
    pub section: ThreadSection,
}

/// Removes a section; its threads stay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ThreadSectionDeleteParams {
    pub section_id: String,
}

/// Empty: the section is gone.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[ts(export_to = "v2/")]
pub struct ThreadSectionDeleteResponse {}

/// Asks for all sections.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ThreadSectionListParams {
    #[serde(default)]
    pub cursor: Option<String>,
    #[serde(default)]
    pub limit: Option<u32>,
}

/// A page of sections.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadSectionListResponse {
    pub data: Vec<ThreadSection>,
    #[serde(default)]
    pub next_cursor: Option<String>,
}

/// Puts a thread into a section, or takes it out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ThreadSectionMoveParams {
    /// The thread to stand before; null: at the end.
    #[serde(default)]
    pub before_thread_id: Option<String>,
    /// Null takes the thread out of its section.
    #[schemars(extend("x-required" = true))]
    pub section_id: Option<String>,
    pub thread_id: String,
}

/// Empty: moved.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[ts(export_to = "v2/")]
pub struct ThreadSectionMoveResponse {}

/// Renames a section or changes its look.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ThreadSectionUpdateParams {
    #[serde(default)]
    pub appearance: Option<ThreadSectionAppearance>,
    pub name: String,
    pub section_id: String,
}

/// The section as it is now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadSectionUpdateResponse {
    pub section: ThreadSection,
}

/// Names a thread, loaded or stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ThreadSetNameParams {
    /// Spaces around it are cut; it must not be blank.
    pub name: String,
    pub thread_id: String,
}

/// Empty: named; `thread/name/updated` follows.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[ts(export_to = "v2/")]
pub struct ThreadSetNameResponse {}

/// The settings a thread's next turn will have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadSettings {
    #[serde(default)]
    pub active_permission_profile: Option<ActivePermissionProfile>,
    pub approval_policy: AskForApproval,
    pub approvals_reviewer: ApprovalsReviewer,
    pub collaboration_mode: CollaborationMode,
    pub cwd: AbsolutePathBuf,
    #[serde(default)]
    pub disabled_plugin_ids: Vec<String>,
    #[serde(default)]
    pub effort: Option<ReasoningEffort>,
    pub model: String,
    pub model_provider: String,
    #[serde(default)]
    pub personality: Option<Personality>,
    pub sandbox_policy: SandboxPolicy,
    #[serde(default)]
    pub service_tier: Option<String>,
    #[serde(default)]
    pub summary: Option<ReasoningSummary>,
}

/// Changes settings of a thread's next turn; what is null stays as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ThreadSettingsUpdateParams {
    #[serde(default)]
    pub approval_policy: Option<AskForApproval>,
    #[serde(default)]
    pub approvals_reviewer: Option<ApprovalsReviewer>,
    #[serde(default)]
    pub collaboration_mode: Option<CollaborationMode>,
    #[serde(default)]
    pub cwd: Option<String>,
    #[serde(default)]
    pub disabled_plugin_ids: Option<Vec<String>>,
    #[serde(default)]
    pub effort: Option<ReasoningEffort>,
    #[serde(default)]
    pub environments: Option<Vec<TurnEnvironmentParams>>,
    #[serde(default)]
    pub model: Option<String>,
    #[serde(default)]
    pub multi_agent_mode: Option<MultiAgentMode>,
    #[serde(default)]
    pub permissions: Option<String>,
    #[serde(default)]
    pub personality: Option<Personality>,
    #[serde(default)]
    pub sandbox_policy: Option<SandboxPolicy>,
    #[serde(default)]
    pub service_tier: Option<String>,
    #[serde(default)]
    pub summary: Option<ReasoningSummary>,
    pub thread_id: String,
}

/// Empty: taken over; `thread/settings/updated` follows if anything changed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[ts(export_to = "v2/")]
pub struct ThreadSettingsUpdateResponse {}

/// Sent with `thread/settings/updated` when a thread's settings changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadSettingsUpdatedNotification {
    pub thread_id: String,
    pub thread_settings: ThreadSettings,
}

/// Runs a command of the user's own in the thread's folder, without a sandbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ThreadShellCommandParams {
    /// A shell line; must not be blank.
    pub command: String,
    pub thread_id: String,
    #[serde(default)]
    pub timeout_ms: Option<i64>,
}

/// Sent at once; the command appears as an item of the running turn, or of one of its own.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[ts(export_to = "v2/")]
pub struct ThreadShellCommandResponse {}

/// What threads are ordered by; `recency_at` is the user's last activity.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export_to = "v2/")]
pub enum ThreadSortKey {
    CreatedAt,
    UpdatedAt,
    RecencyAt,
    SectionPosition,
}

/// The client's own word for why it made a thread.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, TS)]
#[serde(transparent)]
#[ts(export_to = "v2/")]
pub struct ThreadSource(pub String);

/// The kind of program that made a thread, as a filter.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum ThreadSourceKind {
    Cli,
    Vscode,
    Exec,
    AppServer,
    SubAgent,
    SubAgentReview,
    SubAgentCompact,
    SubAgentThreadSpawn,
    SubAgentOther,
    Unknown,
}

/// Makes a thread and subscribes to it. What is null or absent comes from `config`, then from the
/// configuration files.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ThreadStartParams {
    #[serde(default)]
    pub approval_policy: Option<AskForApproval>,
    #[serde(default)]
    pub approvals_reviewer: Option<ApprovalsReviewer>,
    /// Replaces the built-in instructions for the model.
    #[serde(default)]
    pub base_instructions: Option<String>,
    /// Settings by dotted key, above those of the configuration files; null is the same as leaving a key
    /// out.
    #[serde(default)]
    pub config: Option<BTreeMap<String, Value>>,
    /// Working folder; relative to the server's own, which is also the default. It need not exist.
    #[serde(default)]
    pub cwd: Option<String>,
    /// Given to the model beside its instructions.
    #[serde(default)]
    pub developer_instructions: Option<String>,
    /// Keeps the thread in memory only.
    #[serde(default)]
    pub ephemeral: Option<bool>,
    #[serde(default)]
    pub model: Option<String>,
    /// Id of a provider; an unknown one refuses the request.
    #[serde(default)]
    pub model_provider: Option<String>,
    #[serde(default)]
    pub personality: Option<Personality>,
    /// The coarse choice; `sandbox` of the answer has it in full.
    #[serde(default)]
    pub sandbox: Option<SandboxMode>,
    /// Accepted and without effect.
    #[serde(default)]
    pub service_name: Option<String>,
    #[serde(default)]
    pub service_tier: Option<String>,
    /// Whether the client was just started or cleared an earlier thread away; not interpreted.
    #[serde(default)]
    pub session_start_source: Option<ThreadStartSource>,
    /// Returned as `thread.threadSource`.
    #[serde(default)]
    pub thread_source: Option<ThreadSource>,
    #[serde(default, deserialize_with = "compat::null_as_default")]
    #[schemars(extend("x-experimental" = "gated"))]
    #[ts(optional, as = "Option<_>")]
    pub allow_provider_model_fallback: bool,
    #[serde(default)]
    #[schemars(extend("x-experimental" = "gated"))]
    pub daybreak_enabled: Option<bool>,
    /// Tools the client runs: a call of one becomes the request `item/tool/call`.
    #[serde(default)]
    #[schemars(extend("x-experimental" = "open"))]
    pub dynamic_tools: Option<Vec<DynamicToolSpec>>,
    #[serde(default)]
    #[schemars(extend("x-experimental" = "gated"))]
    pub environments: Option<Vec<TurnEnvironmentParams>>,
    /// Also sends each item of the model as `rawResponseItem/completed`.
    #[serde(default, deserialize_with = "compat::null_as_default")]
    #[schemars(extend("x-experimental" = "open"))]
    #[ts(optional, as = "Option<_>")]
    pub experimental_raw_events: bool,
    #[serde(default)]
    #[schemars(extend("x-experimental" = "gated"))]
    pub history_mode: Option<ThreadHistoryMode>,
    #[serde(default)]
    #[schemars(extend("x-experimental" = "gated"))]
    pub multi_agent_mode: Option<MultiAgentMode>,
    #[serde(default)]
    #[schemars(extend("x-experimental" = "gated"))]
    pub permissions: Option<String>,
    #[serde(default)]
    #[schemars(extend("x-experimental" = "gated"))]
    pub project_id: Option<String>,
    #[serde(default)]
    #[schemars(extend("x-experimental" = "gated"))]
    pub runtime_workspace_roots: Option<Vec<AbsolutePathBuf>>,
    #[serde(default)]
    #[schemars(extend("x-experimental" = "gated"))]
    pub selected_capability_roots: Option<Vec<SelectedCapabilityRoot>>,
}

/// The new thread and the settings in force. `thread/started` follows; problems found in the configuration
/// were sent before as `configWarning`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadStartResponse {
    pub approval_policy: AskForApproval,
    pub approvals_reviewer: ApprovalsReviewer,
    pub cwd: AbsolutePathBuf,
    #[serde(default)]
    pub disabled_plugin_ids: Vec<String>,
    /// Absolute paths of the AGENTS.md files in force: that of the home folder, then from the project's
    /// root to the working folder.
    #[serde(default)]
    pub instruction_sources: Vec<LegacyAppPathString>,
    pub model: String,
    pub model_provider: String,
    #[serde(default)]
    pub reasoning_effort: Option<ReasoningEffort>,
    pub sandbox: SandboxPolicy,
    /// Null: the provider's default.
    #[serde(default)]
    pub service_tier: Option<String>,
    pub thread: Thread,
}

/// Why a client makes a thread.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum ThreadStartSource {
    Startup,
    Clear,
}

/// Sent with `thread/started` after a thread was made or forked, with its status. A resumed thread sends
/// `thread/status/changed` instead.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadStartedNotification {
    pub thread: Thread,
}

/// What a thread is doing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[ts(export_to = "v2/")]
pub enum ThreadStatus {
    /// On disk only; resume it to start turns.
    NotLoaded,
    /// Loaded, no turn runs.
    Idle,
    /// Loaded, and its last turn failed. The next one may be started as usual.
    SystemError,
    /// A turn runs.
    Active {
        /// What the turn waits for; empty while it works.
        active_flags: Vec<ThreadActiveFlag>,
    },
}

/// Sent with `thread/status/changed` on every change, also between flags, and never twice with the same
/// value. `active` comes just before `turn/started`, `idle` just before `turn/completed`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadStatusChangedNotification {
    pub status: ThreadStatus,
    pub thread_id: String,
}

/// Tokens a thread has used. The model's context is filled by `last.totalTokens` of `modelContextWindow`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadTokenUsage {
    /// The last model response.
    pub last: TokenUsageBreakdown,
    /// Tokens that fit, a safety margin taken off; null when unknown.
    #[serde(default)]
    pub model_context_window: Option<i64>,
    /// All model responses of the thread.
    pub total: TokenUsageBreakdown,
}

/// Sent with `thread/tokenUsage/updated` after each model response, and after a resume with the numbers on
/// record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadTokenUsageUpdatedNotification {
    pub thread_id: String,
    pub token_usage: ThreadTokenUsage,
    /// The turn the response belonged to.
    pub turn_id: String,
}

/// Asks for a thread's turns, page by page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ThreadTurnsListParams {
    #[serde(default)]
    pub cursor: Option<String>,
    /// `summary` when absent.
    #[serde(default)]
    pub items_view: Option<TurnItemsView>,
    /// 25 when absent, 100 at most.
    #[serde(default)]
    pub limit: Option<u32>,
    /// Newest first when absent.
    #[serde(default)]
    pub sort_direction: Option<SortDirection>,
    pub thread_id: String,
}

/// A page of turns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadTurnsListResponse {
    /// Continues in the other direction.
    #[serde(default)]
    pub backwards_cursor: Option<String>,
    pub data: Vec<Turn>,
    /// Null on the last page.
    #[serde(default)]
    pub next_cursor: Option<String>,
}

/// Moves an archived thread back to where it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ThreadUnarchiveParams {
    pub thread_id: String,
}

/// The thread, not loaded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadUnarchiveResponse {
    pub thread: Thread,
}

/// Sent with `thread/unarchived` when a thread came back from the archive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadUnarchivedNotification {
    pub thread_id: String,
}

/// Ends this client's notifications of a thread. It stays loaded, and is unloaded with `thread/closed`
/// after 30 minutes in which nobody used it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ThreadUnsubscribeParams {
    pub thread_id: String,
}

/// Tells what the subscription was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadUnsubscribeResponse {
    pub status: ThreadUnsubscribeStatus,
}

/// `notLoaded`: no such thread is in memory. `notSubscribed`: this client got no notifications of it.
/// `unsubscribed`: it gets none any more.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum ThreadUnsubscribeStatus {
    NotLoaded,
    NotSubscribed,
    Unsubscribed,
}

/// Tokens by kind, as the model API counted them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct TokenUsageBreakdown {
    /// Part of the input written to the provider's cache.
    #[serde(default)]
    pub cache_write_input_tokens: i64,
    /// Part of the input read from the provider's cache.
    pub cached_input_tokens: i64,
    /// With the cached ones.
    pub input_tokens: i64,
    /// With those of the reasoning.
    pub output_tokens: i64,
    /// Part of the output spent on reasoning.
    pub reasoning_output_tokens: i64,
    pub total_tokens: i64,
}
