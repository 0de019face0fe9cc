//! What the server asks the client while a turn runs, and the answers (wire specification 7 and 8). Words
//! of the older approval API are understood in answers.
#![allow(
    missing_docs,
    reason = "a field is named as on the wire; what is not plain from its name has a comment"
)]

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;

use super::common::{LegacyAppPathString, RequestPermissionProfile};
use super::compat;
use super::item::{CommandAction, DynamicToolCallOutputContentItem};
use crate::rpc::RequestId;

/// Access to files beyond the sandbox.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct AdditionalFileSystemPermissions {
    /// Null: see `read` and `write`.
    #[serde(default)]
    pub entries: Option<Vec<FileSystemSandboxEntry>>,
    /// How many folders deep patterns are looked up.
    #[serde(default)]
    pub glob_scan_max_depth: Option<usize>,
    /// Older form of entries with `read` access.
    #[serde(default)]
    pub read: Option<Vec<LegacyAppPathString>>,
    /// Older form of entries with `write` access.
    #[serde(default)]
    pub write: Option<Vec<LegacyAppPathString>>,
}

/// Network access beyond the sandbox.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct AdditionalNetworkPermissions {
    #[serde(default)]
    pub enabled: Option<bool>,
}

/// Permissions one command asks for beyond its sandbox.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct AdditionalPermissionProfile {
    #[serde(default)]
    pub file_system: Option<AdditionalFileSystemPermissions>,
    #[serde(default)]
    pub network: Option<AdditionalNetworkPermissions>,
}

/// The answer to a question about a command. `accept`: run it this once. `acceptForSession`: and do not ask
/// again for the same command in this session. `acceptWithExecpolicyAmendment`: and write the proposed rule
/// to the user's rules. `applyNetworkPolicyAmendment`: allow or deny the host from now on. `decline`: do
/// not run it, the turn goes on. `cancel`: do not run it, the turn ends as interrupted.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum CommandExecutionApprovalDecision {
    Accept,
    AcceptForSession,
    AcceptWithExecpolicyAmendment { execpolicy_amendment: Vec<String> },
    ApplyNetworkPolicyAmendment { network_policy_amendment: NetworkPolicyAmendment },
    Decline,
    Cancel,
}

/// What is asked: to run a command, to write to a running one, or to run one of the user's own.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum CommandExecutionApprovalKind {
    #[default]
    Command,
    WriteStdin,
    HumanCommand,
}

/// May this command run? Several questions may be open at once and be answered in any order. An error as
/// answer counts as a refusal. The item was started before, and `serverRequest/resolved` tells when the
/// question is settled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct CommandExecutionRequestApprovalParams {
    /// Set when a part of a command is asked about by itself, to tell the questions apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional = nullable)]
    pub approval_id: Option<String>,
    /// As a person would read it.
    #[serde(default)]
    pub command: Option<String>,
    /// What the line does, for display only.
    #[serde(default)]
    pub command_actions: Option<Vec<CommandAction>>,
    #[serde(default)]
    pub cwd: Option<LegacyAppPathString>,
    /// Always null from this server.
    #[serde(default)]
    pub environment_id: Option<String>,
    /// The `commandExecution` item.
    pub item_id: String,
    #[serde(default)]
    pub kind: CommandExecutionApprovalKind,
    /// Set when the question is about a host and not about the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional = nullable)]
    pub network_approval_context: Option<NetworkApprovalContext>,
    /// First words of commands to allow for good, to be sent back with `acceptWithExecpolicyAmendment`.
    #[serde(default)]
    pub proposed_execpolicy_amendment: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional = nullable)]
    pub proposed_network_policy_amendments: Option<Vec<NetworkPolicyAmendment>>,
    /// Why the question is asked: a rule's, the sandbox's, or the model's reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional = nullable)]
    pub reason: Option<String>,
    /// Unix milliseconds.
    pub started_at_ms: i64,
    pub thread_id: String,
    pub turn_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional = nullable)]
    #[schemars(extend("x-experimental" = "gated"))]
    pub additional_permissions: Option<AdditionalPermissionProfile>,
    /// Decisions worth offering; the others work as well.
    #[serde(default)]
    #[schemars(extend("x-experimental" = "gated"))]
    pub available_decisions: Option<Vec<CommandExecutionApprovalDecision>>,
}

/// The decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct CommandExecutionRequestApprovalResponse {
    pub decision: CommandExecutionApprovalDecision,
}

/// Asks the client to run one of its tools. There is no time limit; an error as answer fails the call, and
/// the turn goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct DynamicToolCallParams {
    /// As the model gave them; not checked against the tool's schema.
    pub arguments: Value,
    /// Also the id of the `dynamicToolCall` item.
    pub call_id: String,
    /// Null for a tool outside a namespace.
    #[serde(default)]
    pub namespace: Option<String>,
    pub thread_id: String,
    pub tool: String,
    pub turn_id: String,
}

/// What the tool gave.
///
/// `{output, success}` with a plain text is understood as well.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct DynamicToolCallResponse {
    /// Goes to the model, also when `success` is false.
    pub content_items: Vec<DynamicToolCallOutputContentItem>,
    /// False marks the item as failed.
    pub success: bool,
}

/// The answer to a question about files. `acceptForSession`: these files are not asked about again in this
/// session. `decline`: leave the files alone, the turn goes on. `cancel`: the turn ends as interrupted.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum FileChangeApprovalDecision {
    Accept,
    AcceptForSession,
    Decline,
    Cancel,
}

/// May these files be changed? What is to change stands in the item, which was started before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct FileChangeRequestApprovalParams {
    /// Always null from this server.
    #[serde(default)]
    pub grant_root: Option<String>,
    /// The `fileChange` item.
    pub item_id: String,
    /// Set when the question is asked again after the sandbox refused, or when a file is one that other programs run later.
    #[serde(default)]
    pub reason: Option<String>,
    /// Unix milliseconds.
    pub started_at_ms: i64,
    pub thread_id: String,
    pub turn_id: String,
}

/// The decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct FileChangeRequestApprovalResponse {
    pub decision: FileChangeApprovalDecision,
}

/// What may be done with files; `deny` wins over the others.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum FileSystemAccessMode {
    Read,
    Write,
    Deny,
}

/// Which files a permission is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
#[ts(export_to = "v2/")]
pub enum FileSystemPath {
    /// A file, or a folder with all in it.
    Path { path: LegacyAppPathString },
    /// All files that match a pattern.
    GlobPattern { pattern: String },
    /// A place named by what it is for.
    Special { value: FileSystemSpecialPath },
}

/// One permission; the deepest entry for a path wins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct FileSystemSandboxEntry {
    pub access: FileSystemAccessMode,
    pub path: FileSystemPath,
}

/// A place named by what it is for instead of by its path.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[ts(export_to = "v2/")]
pub enum FileSystemSpecialPath {
    /// The whole file system.
    Root,
    /// What programs need to run at all.
    Minimal,
    /// The working folders of the thread, or something below them.
    ProjectRoots {
        #[serde(default)]
        subpath: Option<LegacyAppPathString>,
    },
    /// The folder named by `TMPDIR`.
    Tmpdir,
    /// `/tmp`.
    SlashTmp,
    /// A place this server does not know; it grants nothing.
    Unknown {
        path: String,
        #[serde(default)]
        subpath: Option<LegacyAppPathString>,
    },
}

/// What the client grants; null parts are refused.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct GrantedPermissionProfile {
    #[serde(default)]
    pub file_system: Option<AdditionalFileSystemPermissions>,
    #[serde(default)]
    pub network: Option<AdditionalNetworkPermissions>,
}

/// Whether the network may be used.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum NetworkAccess {
    #[default]
    Restricted,
    Enabled,
}

/// The host a command wants to reach.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct NetworkApprovalContext {
    pub host: String,
    pub protocol: NetworkApprovalProtocol,
}

/// How a host is reached.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum NetworkApprovalProtocol {
    Http,
    Https,
    Socks5Tcp,
    Socks5Udp,
}

/// A rule about a host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
pub struct NetworkPolicyAmendment {
    pub action: NetworkPolicyRuleAction,
    pub host: String,
}

/// Whether a host may be reached.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
pub enum NetworkPolicyRuleAction {
    Allow,
    Deny,
}

/// How long a grant holds.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum PermissionGrantScope {
    #[default]
    Turn,
    Session,
}

/// May the agent have these permissions beyond its sandbox?
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct PermissionsRequestApprovalParams {
    /// Folder that relative places refer to.
    pub cwd: LegacyAppPathString,
    /// Always null from this server.
    #[serde(default)]
    pub environment_id: Option<String>,
    pub item_id: String,
    pub permissions: RequestPermissionProfile,
    /// The model's reason, if it gave one.
    #[serde(default)]
    pub reason: Option<String>,
    /// Unix milliseconds.
    pub started_at_ms: i64,
    pub thread_id: String,
    pub turn_id: String,
}

/// What is granted, perhaps less than was asked. Nothing at all is a refusal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct PermissionsRequestApprovalResponse {
    pub permissions: GrantedPermissionProfile,
    #[serde(default, deserialize_with = "compat::null_as_default")]
    #[ts(optional, as = "Option<_>")]
    pub scope: PermissionGrantScope,
    /// Accepted and without effect.
    #[serde(default)]
    pub strict_auto_review: Option<bool>,
}

/// Sent with `serverRequest/resolved` when a request of the server was answered, or withdrawn because the
/// turn ended: a client showing it can take it down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ServerRequestResolvedNotification {
    /// The id of the server's request.
    pub request_id: RequestId,
    pub thread_id: String,
}

/// The answers to one question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ToolRequestUserInputAnswer {
    /// Labels of options, or text of the user's own.
    pub answers: Vec<String>,
}

/// One of the answers offered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ToolRequestUserInputOption {
    pub description: String,
    pub label: String,
}

/// Questions the agent wants to put to the user, in plan mode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ToolRequestUserInputParams {
    /// Milliseconds after which the agent goes on without an answer; null: never.
    #[serde(default)]
    pub auto_resolution_ms: Option<u64>,
    /// Whether the turn waits for the answer.
    pub is_blocking: bool,
    pub item_id: String,
    pub questions: Vec<ToolRequestUserInputQuestion>,
    pub thread_id: String,
    pub turn_id: String,
}

/// One question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ToolRequestUserInputQuestion {
    /// A few words for a heading.
    pub header: String,
    /// Names the answer in the reply.
    pub id: String,
    /// Whether an answer of the user's own may be given beside the options.
    #[serde(default)]
    pub is_other: bool,
    /// Whether the answer should not be shown while it is typed.
    #[serde(default)]
    pub is_secret: bool,
    /// Null: free text.
    #[serde(default)]
    pub options: Option<Vec<ToolRequestUserInputOption>>,
    pub question: String,
}

/// The user's answers by question id; an error as answer counts as none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ToolRequestUserInputResponse {
    pub answers: BTreeMap<String, ToolRequestUserInputAnswer>,
}
