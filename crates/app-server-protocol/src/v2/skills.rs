//! Skills and hooks (wire specification 3 and 15).
#![allow(
    missing_docs,
    reason = "a field is named as on the wire; what is not plain from its name has a comment"
)]

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::common::{AbsolutePathBuf, LegacyAppPathString};
use super::compat;

/// Sent with `hook/completed` when a hook has run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct HookCompletedNotification {
    pub run: HookRunSummary,
    pub thread_id: String,
    #[serde(default)]
    pub turn_id: Option<String>,
}

/// A file of hooks that could not be read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct HookErrorInfo {
    pub message: String,
    pub path: String,
}

/// What a hook is run on.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum HookEventName {
    PreModelRequest,
    PostModelRequest,
    PreToolUse,
    PermissionRequest,
    PostToolUse,
    PreCompact,
    PostCompact,
    SessionStart,
    SessionEnd,
    UserPromptSubmit,
    SubagentStart,
    SubagentStop,
    Stop,
    Interrupt,
}

/// Whether the agent waits for the hook.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum HookExecutionMode {
    Sync,
    Async,
}

/// What kind of thing a hook runs.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum HookHandlerType {
    Command,
    McpTool,
    Prompt,
    Agent,
}

/// One configured hook as `hooks/list` shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct HookMetadata {
    #[serde(flatten)]
    pub handler: HookHandler,
    /// How much text it may add for the model; null: the default.
    #[serde(default)]
    pub additional_context_limit: Option<usize>,
    /// Of its definition; trust is bound to it.
    pub current_hash: String,
    /// Position in lists.
    pub display_order: i64,
    pub enabled: bool,
    #[serde(default)]
    pub environment_id: Option<String>,
    pub event_name: HookEventName,
    /// Whether an administrator set it.
    pub is_managed: bool,
    /// Names it in the configuration.
    pub key: String,
    /// What it is limited to, such as names of tools; null: nothing.
    #[serde(default)]
    pub matcher: Option<String>,
    #[serde(default)]
    pub plugin_id: Option<String>,
    pub source: HookSource,
    pub source_path: AbsolutePathBuf,
    /// To be shown while it runs.
    #[serde(default)]
    pub status_message: Option<String>,
    pub timeout_sec: u64,
    pub trust_status: HookTrustStatus,
}

/// What a hook runs; part of [`HookMetadata`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(tag = "handlerType", rename_all = "camelCase")]
pub enum HookHandler {
    Command {
        command: String,
        /// The agent does not wait for it.
        #[serde(default, rename = "async")]
        is_async: bool,
    },
    McpTool {
        server: String,
        tool: String,
    },
    Prompt,
    Agent,
}

/// One thing a hook had to say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct HookOutputEntry {
    pub kind: HookOutputEntryKind,
    pub text: String,
}

/// What a hook's output is for.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum HookOutputEntryKind {
    Warning,
    Stop,
    Feedback,
    Context,
    Error,
}

/// Text a hook added for the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct HookPromptFragment {
    /// The run it came from.
    pub hook_run_id: String,
    pub text: String,
}

/// How a run of a hook stands. `blocked`: it forbade what it was asked about; `stopped`: it ended the turn.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum HookRunStatus {
    Running,
    Completed,
    Failed,
    Blocked,
    Stopped,
}

/// One run of a hook.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct HookRunSummary {
    /// Null while it runs.
    #[serde(default)]
    pub completed_at: Option<i64>,
    pub display_order: i64,
    #[serde(default)]
    pub duration_ms: Option<i64>,
    /// What it had to say.
    pub entries: Vec<HookOutputEntry>,
    pub event_name: HookEventName,
    pub execution_mode: HookExecutionMode,
    pub handler_type: HookHandlerType,
    pub id: String,
    pub scope: HookScope,
    #[serde(default)]
    pub source: HookSource,
    pub source_path: LegacyAppPathString,
    pub started_at: i64,
    pub status: HookRunStatus,
    #[serde(default)]
    pub status_message: Option<String>,
}

/// What a hook belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum HookScope {
    Thread,
    Turn,
}

/// Which configuration a hook comes from.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum HookSource {
    System,
    User,
    Project,
    Mdm,
    SessionFlags,
    Plugin,
    CloudRequirements,
    CloudManagedConfig,
    LegacyManagedConfigFile,
    LegacyManagedConfigMdm,
    #[default]
    Unknown,
}

/// Sent with `hook/started` when a hook begins to run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct HookStartedNotification {
    pub run: HookRunSummary,
    pub thread_id: String,
    #[serde(default)]
    pub turn_id: Option<String>,
}

/// Whether a hook may run. `modified`: it was trusted and has changed since.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum HookTrustStatus {
    Managed,
    Untrusted,
    Trusted,
    Modified,
}

/// The hooks in force for a folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct HooksListEntry {
    pub cwd: String,
    pub errors: Vec<HookErrorInfo>,
    pub hooks: Vec<HookMetadata>,
    pub warnings: Vec<String>,
}

/// Asks for the configured hooks.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct HooksListParams {
    /// Folders to ask for; empty: the server's own.
    #[serde(default, deserialize_with = "compat::null_as_default")]
    #[ts(optional, as = "Option<_>")]
    pub cwds: Vec<String>,
    #[serde(default)]
    pub thread_id: Option<String>,
}

/// One entry per folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct HooksListResponse {
    pub data: Vec<HooksListEntry>,
}

/// What a skill needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct SkillDependencies {
    pub tools: Vec<SkillToolDependency>,
}

/// A skill that could not be read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct SkillErrorInfo {
    pub message: String,
    /// Its SKILL.md.
    pub path: String,
}

/// How a skill is shown; all of it is optional.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct SkillInterface {
    #[serde(default)]
    pub brand_color: Option<String>,
    #[serde(default)]
    pub default_prompt: Option<String>,
    #[serde(default)]
    pub display_name: Option<String>,
    #[serde(default)]
    pub icon_large: Option<AbsolutePathBuf>,
    #[serde(default)]
    pub icon_large_url: Option<String>,
    #[serde(default)]
    pub icon_small: Option<AbsolutePathBuf>,
    #[serde(default)]
    pub icon_small_url: Option<String>,
    #[serde(default)]
    pub short_description: Option<String>,
}

/// A skill: instructions the agent can take up when a task calls for them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct SkillMetadata {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional = nullable)]
    pub dependencies: Option<SkillDependencies>,
    pub description: String,
    /// False when switched off with `skills/config/write`.
    pub enabled: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional = nullable)]
    pub interface: Option<SkillInterface>,
    pub name: String,
    /// Absolute path of its SKILL.md.
    pub path: LegacyAppPathString,
    /// Always null from this server.
    #[serde(default)]
    pub plugin_id: Option<String>,
    pub scope: SkillScope,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional = nullable)]
    pub short_description: Option<String>,
}

/// Where a skill was found: in the project (`repo`), in the user's or the machine's folders.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum SkillScope {
    User,
    Repo,
    System,
    Admin,
}

/// A tool a skill needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct SkillToolDependency {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional = nullable)]
    pub command: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional = nullable)]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional = nullable)]
    pub transport: Option<String>,
    pub r#type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional = nullable)]
    pub url: Option<String>,
    pub value: String,
}

/// Sent with `skills/changed` when skills may have changed: ask for them again.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[ts(export_to = "v2/")]
pub struct SkillsChangedNotification {}

/// Switches a skill on or off for good. Exactly one of `path` and `name` says which.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct SkillsConfigWriteParams {
    pub enabled: bool,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub path: Option<AbsolutePathBuf>,
}

/// Whether the skill is on now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct SkillsConfigWriteResponse {
    pub effective_enabled: bool,
}

/// Adds folders with skills for this process, in place of those added before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct SkillsExtraRootsSetParams {
    pub extra_roots: Vec<AbsolutePathBuf>,
}

/// Empty: taken over; `skills/changed` may follow.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[ts(export_to = "v2/")]
pub struct SkillsExtraRootsSetResponse {}

/// The skills of a folder: those of its project, then the user's, then the machine's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct SkillsListEntry {
    pub cwd: String,
    /// Skills that could not be read.
    pub errors: Vec<SkillErrorInfo>,
    pub skills: Vec<SkillMetadata>,
}

/// Asks for the skills there are.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct SkillsListParams {
    /// Folders to ask for; empty: the server's own.
    #[serde(default, deserialize_with = "compat::null_as_default")]
    #[ts(optional, as = "Option<_>")]
    pub cwds: Vec<String>,
    /// Reads the files again instead of answering from memory.
    #[serde(default, deserialize_with = "compat::null_as_default")]
    #[ts(optional, as = "Option<_>")]
    pub force_reload: bool,
}

/// One entry per folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct SkillsListResponse {
    pub data: Vec<SkillsListEntry>,
}
