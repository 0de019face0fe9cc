//! The configuration: reading it with its layers, editing the user's file, what an administrator demands,
//! and feature switches (wire specification 13). Names inside [`Config`] are those of the file, in snake
//! case.
#![allow(
    missing_docs,
    reason = "a field is named as on the wire; what is not plain from its name has a comment"
)]

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;

use super::common::{
    AbsolutePathBuf, AllowDenyRequirement, CliAuthCredentialsStoreMode, FeedbackRequirements,
    InAppBrowserRequirements, NewThreadModelDefaults, RequestHeader, TextRange, WindowsSandboxImplementation,
};
use super::compat;
use super::model::{ReasoningEffort, ReasoningSummary, Verbosity};
use super::turn::{ApprovalsReviewer, AskForApproval, SandboxMode};

/// The permission profile in force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ActivePermissionProfile {
    /// The profile it builds on.
    #[serde(default)]
    pub extends: Option<String>,
    pub id: String,
}

/// The table `analytics`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct AnalyticsConfig {
    #[serde(default)]
    pub enabled: Option<bool>,
}

/// What is counted towards the limit of automatic compaction: the whole context, or what came after its
/// fixed beginning.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
pub enum AutoCompactTokenLimitScope {
    Total,
    BodyAfterPrefix,
}

/// An administrator's rules for automatic reviews of approvals.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct AutoReviewRequirements {
    #[serde(default)]
    pub ignore_rules: Option<Vec<String>>,
    #[serde(default)]
    pub required_on_models: Option<Vec<String>>,
}

/// How long an approval to open a site holds.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum BrowserUseAccessApprovalLifetime {
    Turn,
    Thread,
}

/// The table `browser_use`: which sites an agent's browser may open. Kept for clients that have one.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[ts(export_to = "v2/")]
pub struct BrowserUseConfig {
    #[serde(default)]
    pub allow_history_access: Option<bool>,
    #[serde(default)]
    pub default_origin_policy: Option<BrowserUseOriginPolicyConfig>,
    #[serde(default)]
    pub origins: Option<BTreeMap<String, BrowserUseOriginPolicyConfig>>,
}

/// An administrator's rules for a browser extension.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct BrowserUseExtensionRequirements {
    #[serde(default)]
    pub request_headers: Option<Vec<RequestHeader>>,
}

/// An administrator's rules for a site; null leaves it to the user.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct BrowserUseOriginPolicy {
    #[serde(default)]
    pub access: Option<AllowDenyRequirement>,
    #[serde(default)]
    pub access_approval_lifetime: Option<BrowserUseAccessApprovalLifetime>,
    #[serde(default)]
    pub auto_review: Option<AllowDenyRequirement>,
    #[serde(default)]
    pub downloads: Option<AllowDenyRequirement>,
    #[serde(default)]
    pub full_cdp_access: Option<AllowDenyRequirement>,
    #[serde(default)]
    pub persistent_approval: Option<bool>,
    #[serde(default)]
    pub uploads: Option<AllowDenyRequirement>,
}

/// What an agent's browser may do on a site; null: ask.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[ts(export_to = "v2/")]
pub struct BrowserUseOriginPolicyConfig {
    #[serde(default)]
    pub access: Option<AllowDenyRequirement>,
    #[serde(default)]
    pub downloads: Option<AllowDenyRequirement>,
    #[serde(default)]
    pub full_cdp_access: Option<AllowDenyRequirement>,
    #[serde(default)]
    pub uploads: Option<AllowDenyRequirement>,
}

/// An administrator's rules for an agent's browser; null leaves it to the user.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct BrowserUseRequirements {
    #[serde(default)]
    pub allow_global_persistent_approval: Option<bool>,
    #[serde(default)]
    pub allow_history_access: Option<bool>,
    #[serde(default)]
    pub allow_webmcp: Option<bool>,
    #[serde(default)]
    pub default_origin_policy: Option<BrowserUseOriginPolicy>,
    #[serde(default)]
    pub disable_auto_review: Option<bool>,
    #[serde(default)]
    pub extension: Option<BrowserUseExtensionRequirements>,
    #[serde(default)]
    pub origins: Option<BTreeMap<String, BrowserUseOriginPolicy>>,
}

/// The table `computer_use`: which programs an agent may operate. Kept for clients that can.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[ts(export_to = "v2/")]
pub struct ComputerUseConfig {
    #[serde(default)]
    pub default_app_access: Option<AllowDenyRequirement>,
    #[serde(default)]
    pub macos: Option<ComputerUseMacosConfig>,
    #[serde(default)]
    pub windows: Option<ComputerUseWindowsConfig>,
}

/// Programs of macOS, by bundle id.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[ts(export_to = "v2/")]
pub struct ComputerUseMacosConfig {
    #[serde(default)]
    pub bundle_ids: Option<BTreeMap<String, AllowDenyRequirement>>,
}

/// An administrator's rules for programs of macOS, by bundle id.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ComputerUseMacosRequirements {
    #[serde(default)]
    pub bundle_ids: Option<BTreeMap<String, AllowDenyRequirement>>,
}

/// An administrator's rules for operating programs; null leaves it to the user.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ComputerUseRequirements {
    #[serde(default)]
    pub allow_locked_computer_use: Option<bool>,
    #[serde(default)]
    pub allow_persistent_approval: Option<bool>,
    #[serde(default)]
    pub default_app_access: Option<AllowDenyRequirement>,
    #[serde(default)]
    pub macos: Option<ComputerUseMacosRequirements>,
    #[serde(default)]
    pub windows: Option<ComputerUseWindowsRequirements>,
}

/// Programs of Windows, by application id or by publisher and product.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ComputerUseWindowsConfig {
    #[serde(default)]
    pub aumids: Option<BTreeMap<String, AllowDenyRequirement>>,
    #[serde(default)]
    pub exes: Option<Vec<ComputerUseWindowsExeConfig>>,
}

/// A program of Windows by who made it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[ts(export_to = "v2/")]
pub struct ComputerUseWindowsExeConfig {
    pub access: AllowDenyRequirement,
    /// Null: all of the product's programs.
    #[serde(default)]
    pub binary_name: Option<String>,
    pub product_name: String,
    pub publisher_name: String,
}

/// An administrator's rule for a program of Windows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ComputerUseWindowsExeRequirement {
    pub access: AllowDenyRequirement,
    /// Null: all of the product's programs.
    #[serde(default)]
    pub binary_name: Option<String>,
    pub product_name: String,
    pub publisher_name: String,
}

/// An administrator's rules for programs of Windows.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ComputerUseWindowsRequirements {
    #[serde(default)]
    pub aumids: Option<BTreeMap<String, AllowDenyRequirement>>,
    #[serde(default)]
    pub exes: Option<Vec<ComputerUseWindowsExeRequirement>>,
}

/// The settings in force, all layers merged. Null: not set anywhere, the default applies.
///
/// The answer may have further keys of the file as they stand there.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[ts(export_to = "v2/")]
pub struct Config {
    #[serde(default)]
    pub analytics: Option<AnalyticsConfig>,
    #[serde(default)]
    pub approval_policy: Option<AskForApproval>,
    #[serde(default)]
    pub approvals_reviewer: Option<ApprovalsReviewer>,
    #[serde(default)]
    pub browser_use: Option<BrowserUseConfig>,
    #[serde(default)]
    pub client_search_provider: Option<WebSearchProvider>,
    /// Replaces the built-in prompt for compaction.
    #[serde(default)]
    pub compact_prompt: Option<String>,
    #[serde(default)]
    pub computer_use: Option<ComputerUseConfig>,
    /// Settings of a desktop client; kept, not interpreted.
    #[serde(default)]
    pub desktop: Option<BTreeMap<String, Value>>,
    /// Given to the model beside its instructions.
    #[serde(default)]
    pub developer_instructions: Option<String>,
    /// Only accounts of these workspaces may sign in.
    #[serde(default)]
    pub forced_chatgpt_workspace_id: Option<ForcedChatgptWorkspaceIds>,
    /// Only this way of signing in is allowed.
    #[serde(default)]
    pub forced_login_method: Option<ForcedLoginMethod>,
    /// Kept and without effect; use AGENTS.md files.
    #[serde(default)]
    pub instructions: Option<String>,
    /// For new threads.
    #[serde(default)]
    pub model: Option<String>,
    /// Tokens of context at which a thread is compacted by itself.
    #[serde(default)]
    pub model_auto_compact_token_limit: Option<i64>,
    #[serde(default)]
    pub model_auto_compact_token_limit_scope: Option<AutoCompactTokenLimitScope>,
    /// Tokens the model can take, overriding what is known of it.
    #[serde(default)]
    pub model_context_window: Option<i64>,
    /// Id of the provider for new threads.
    #[serde(default)]
    pub model_provider: Option<String>,
    #[serde(default)]
    pub model_reasoning_effort: Option<ReasoningEffort>,
    #[serde(default)]
    pub model_reasoning_summary: Option<ReasoningSummary>,
    #[serde(default)]
    pub model_verbosity: Option<Verbosity>,
    /// The model for reviews; null: that of the thread.
    #[serde(default)]
    pub review_model: Option<String>,
    /// For new threads.
    #[serde(default)]
    pub sandbox_mode: Option<SandboxMode>,
    /// Details of the sandbox mode `workspace-write`.
    #[serde(default)]
    pub sandbox_workspace_write: Option<SandboxWorkspaceWrite>,
    #[serde(default)]
    pub service_tier: Option<String>,
    #[serde(default)]
    pub tools: Option<ToolsV2>,
    /// Whether and how models may search the web.
    #[serde(default)]
    pub web_search: Option<WebSearchMode>,
    /// The other keys of the files, as they stand there.
    #[serde(flatten)]
    pub other: serde_json::Map<String, Value>,
}

/// Edits the user's configuration file at several places: all edits are made, or none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ConfigBatchWriteParams {
    /// May be empty.
    pub edits: Vec<ConfigEdit>,
    /// Refuses the request if the file has another version by now.
    #[serde(default)]
    pub expected_version: Option<String>,
    /// Must be the user's configuration file; null means that one.
    #[serde(default)]
    pub file_path: Option<String>,
    /// Loaded threads take the new values over.
    #[serde(default, deserialize_with = "compat::null_as_default")]
    #[ts(optional, as = "Option<_>")]
    pub reload_user_config: bool,
}

/// One edit of the configuration file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ConfigEdit {
    /// Segments with dots between; a segment may be quoted.
    pub key_path: String,
    pub merge_strategy: MergeStrategy,
    /// Null removes the key.
    pub value: Value,
}

/// One source of settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ConfigLayer {
    /// What this source alone sets.
    pub config: Value,
    /// Why it does not take part, for example because the project is not trusted; left out when it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub disabled_reason: Option<String>,
    pub name: ConfigLayerSource,
    /// Changes whenever the content does.
    pub version: String,
}

/// Names a layer and its version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ConfigLayerMetadata {
    pub name: ConfigLayerSource,
    pub version: String,
}

/// Where settings come from, lowest precedence first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[ts(export_to = "v2/")]
pub enum ConfigLayerSource {
    /// Defaults that came with the program.
    PackagedDefaults { file: AbsolutePathBuf },
    /// Managed preferences of macOS.
    Mdm { domain: String, key: String },
    /// The machine's file.
    System { file: AbsolutePathBuf },
    /// Settings an organisation distributes.
    EnterpriseManaged { id: String, name: String },
    /// The user's file, or one of its profiles.
    User {
        file: AbsolutePathBuf,
        #[serde(default)]
        profile: Option<String>,
    },
    /// A project's `.codex` folder; counts only when the project is trusted.
    Project { dot_codex_folder: AbsolutePathBuf },
    /// Flags of the command line and `config` of requests.
    SessionFlags,
    /// The machine's managed file, above everything else.
    LegacyManagedConfigTomlFromFile { file: AbsolutePathBuf },
    /// The same from managed preferences of macOS.
    LegacyManagedConfigTomlFromMdm,
}

/// Asks for the settings in force.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ConfigReadParams {
    /// Also takes in the layers of this folder's project.
    #[serde(default)]
    pub cwd: Option<String>,
    /// Also returns each layer by itself.
    #[serde(default, deserialize_with = "compat::null_as_default")]
    #[ts(optional, as = "Option<_>")]
    pub include_layers: bool,
}

/// The settings in force and where each comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ConfigReadResponse {
    pub config: Config,
    /// Highest precedence first; null unless asked for.
    #[serde(default)]
    pub layers: Option<Vec<ConfigLayer>>,
    /// The layer that won, by dotted key.
    pub origins: BTreeMap<String, ConfigLayerMetadata>,
}

/// What an administrator demands or allows; null leaves it to the user.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ConfigRequirements {
    #[serde(default)]
    pub additional_developer_instructions: Option<String>,
    #[serde(default)]
    pub allow_appshots: Option<bool>,
    #[serde(default)]
    pub allow_browser_and_computer_use: Option<bool>,
    #[serde(default)]
    pub allow_login_shell: Option<bool>,
    #[serde(default)]
    pub allow_managed_hooks_only: Option<bool>,
    #[serde(default)]
    pub allow_remote_control: Option<bool>,
    /// Only these may be used; null: any.
    #[serde(default)]
    pub allowed_approval_policies: Option<Vec<AskForApproval>>,
    #[serde(default)]
    pub allowed_login_methods: Option<Vec<ForcedLoginMethod>>,
    #[serde(default)]
    pub allowed_permission_profiles: Option<BTreeMap<String, bool>>,
    /// Only these may be used; null: any.
    #[serde(default)]
    pub allowed_sandbox_modes: Option<Vec<SandboxMode>>,
    #[serde(default)]
    pub allowed_web_search_modes: Option<Vec<WebSearchMode>>,
    #[serde(default)]
    pub allowed_windows_sandbox_implementations: Option<Vec<WindowsSandboxImplementation>>,
    #[serde(default)]
    pub auto_review: Option<AutoReviewRequirements>,
    #[serde(default)]
    pub browser_use: Option<BrowserUseRequirements>,
    #[serde(default)]
    pub chatgpt_base_url: Option<String>,
    #[serde(default)]
    pub check_for_update_on_startup: Option<bool>,
    #[serde(default)]
    pub cli_auth_credentials_store: Option<CliAuthCredentialsStoreMode>,
    #[serde(default)]
    pub computer_use: Option<ComputerUseRequirements>,
    #[serde(default)]
    pub default_permissions: Option<String>,
    #[serde(default)]
    pub enforce_residency: Option<ResidencyRequirement>,
    /// Feature switches that are fixed, by name.
    #[serde(default)]
    pub feature_requirements: Option<BTreeMap<String, bool>>,
    #[serde(default)]
    pub feedback: Option<FeedbackRequirements>,
    #[serde(default)]
    pub in_app_browser: Option<InAppBrowserRequirements>,
    #[serde(default)]
    pub log_dir: Option<String>,
    #[serde(default)]
    pub model_catalog_json: Option<String>,
    #[serde(default)]
    pub model_provider: Option<String>,
    #[serde(default)]
    pub model_providers: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    pub models: Option<ModelsRequirements>,
    #[serde(default)]
    pub otel: Option<OtelRequirements>,
    #[serde(default)]
    pub sqlite_home: Option<String>,
}

/// What an administrator demands.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ConfigRequirementsReadResponse {
    /// Null: nothing.
    #[serde(default)]
    pub requirements: Option<ConfigRequirements>,
    /// Always null from this server.
    #[serde(default)]
    pub supports_independent_speed_modes: Option<bool>,
}

/// Edits the user's configuration file at one place. Comments and order of the file stay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ConfigValueWriteParams {
    /// Refuses the request if the file has another version by now.
    #[serde(default)]
    pub expected_version: Option<String>,
    /// Must be the user's configuration file; null means that one.
    #[serde(default)]
    pub file_path: Option<String>,
    /// Segments with dots between; a segment may be quoted.
    pub key_path: String,
    pub merge_strategy: MergeStrategy,
    /// Null removes the key.
    pub value: Value,
}

/// Sent with `configWarning` for a problem with the configuration, after `initialize` and before the answer
/// to `thread/start`. The server runs on without the part in question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ConfigWarningNotification {
    /// More for a person to read.
    #[serde(default)]
    pub details: Option<String>,
    /// The file in question; left out when it is about none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub path: Option<String>,
    /// The place in the file, when it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub range: Option<TextRange>,
    pub summary: String,
}

/// The file was written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ConfigWriteResponse {
    /// The file that was written.
    pub file_path: AbsolutePathBuf,
    /// Set when a higher layer keeps the new value from taking effect.
    #[serde(default)]
    pub overridden_metadata: Option<OverriddenMetadata>,
    pub status: WriteStatus,
    /// Of the user's layer now, for `expectedVersion`.
    pub version: String,
}

/// Sent with `deprecationNotice` when the configuration uses something that is going away.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct DeprecationNoticeNotification {
    /// What to use instead.
    #[serde(default)]
    pub details: Option<String>,
    pub summary: String,
}

/// A feature switch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ExperimentalFeature {
    /// A hint to show when it is new.
    #[serde(default)]
    pub announcement: Option<String>,
    pub default_enabled: bool,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub display_name: Option<String>,
    pub enabled: bool,
    /// The key under `features` in the configuration file.
    pub name: String,
    pub stage: ExperimentalFeatureStage,
}

/// Turns features on or off for this process; unknown names are left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ExperimentalFeatureEnablementSetParams {
    pub enablement: BTreeMap<String, bool>,
}

/// The switches that were taken over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ExperimentalFeatureEnablementSetResponse {
    pub enablement: BTreeMap<String, bool>,
}

/// Asks for the feature switches there are.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ExperimentalFeatureListParams {
    #[serde(default)]
    pub cursor: Option<String>,
    #[serde(default)]
    pub limit: Option<u32>,
    /// As they stand for this thread; null: for new ones.
    #[serde(default)]
    pub thread_id: Option<String>,
}

/// A page of feature switches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ExperimentalFeatureListResponse {
    pub data: Vec<ExperimentalFeature>,
    #[serde(default)]
    pub next_cursor: Option<String>,
}

/// How far a feature is.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum ExperimentalFeatureStage {
    Beta,
    UnderDevelopment,
    Stable,
    Deprecated,
    Removed,
}

/// The workspaces a login is limited to: one id or several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(untagged)]
#[ts(export_to = "v2/")]
pub enum ForcedChatgptWorkspaceIds {
    One(String),
    Many(Vec<String>),
}

/// A way of signing in.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
pub enum ForcedLoginMethod {
    Chatgpt,
    Api,
}

/// What happens to a table that is there: `replace` it, or `upsert` the new keys into it.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum MergeStrategy {
    Replace,
    Upsert,
}

/// An administrator's rules for models.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ModelsRequirements {
    #[serde(default)]
    pub new_thread: Option<NewThreadModelDefaults>,
}

/// Where telemetry is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export_to = "v2/")]
pub enum OtelExporter {
    None,
    Statsig,
    #[serde(rename_all = "camelCase")]
    OtlpHttp {
        endpoint: String,
        headers: BTreeMap<String, String>,
        protocol: OtelHttpProtocol,
        #[serde(default)]
        tls: Option<OtelTlsConfig>,
    },
    #[serde(rename_all = "camelCase")]
    OtlpGrpc {
        endpoint: String,
        headers: BTreeMap<String, String>,
        #[serde(default)]
        tls: Option<OtelTlsConfig>,
    },
}

/// The encoding of telemetry over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum OtelHttpProtocol {
    Binary,
    Json,
}

/// An administrator's telemetry settings, named as in the file.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[ts(export_to = "v2/")]
pub struct OtelRequirements {
    #[serde(default)]
    pub environment: Option<String>,
    #[serde(default)]
    pub exporter: Option<OtelExporter>,
    #[serde(default)]
    pub log_agent_responses: Option<bool>,
    #[serde(default)]
    pub log_guardian_assessments: Option<bool>,
    #[serde(default)]
    pub log_sse_deltas: Option<bool>,
    #[serde(default)]
    pub log_user_prompt: Option<bool>,
    #[serde(default)]
    pub metrics_exporter: Option<OtelExporter>,
    #[serde(default)]
    pub span_attributes: Option<BTreeMap<String, String>>,
    #[serde(default)]
    pub tool_result: Option<OtelToolResultLogConfig>,
    #[serde(default)]
    pub trace_exporter: Option<OtelExporter>,
    #[serde(default)]
    pub tracestate: Option<BTreeMap<String, BTreeMap<String, String>>>,
}

/// Files for encrypted telemetry, in PEM form.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct OtelTlsConfig {
    #[serde(rename = "ca-certificate", default)]
    pub ca_certificate: Option<String>,
    #[serde(rename = "client-certificate", default)]
    pub client_certificate: Option<String>,
    #[serde(rename = "client-private-key", default)]
    pub client_private_key: Option<String>,
}

/// How much of a tool's result telemetry may hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[ts(export_to = "v2/")]
pub struct OtelToolResultLogConfig {
    pub max_bytes: usize,
}

/// Why a written value has no effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct OverriddenMetadata {
    /// What is in force instead.
    pub effective_value: Value,
    /// For a person to read.
    pub message: String,
    pub overriding_layer: ConfigLayerMetadata,
}

/// Asks for the permission profiles there are.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct PermissionProfileListParams {
    #[serde(default)]
    pub cursor: Option<String>,
    /// Also takes in those of this folder's project.
    #[serde(default)]
    pub cwd: Option<String>,
    #[serde(default)]
    pub limit: Option<u32>,
}

/// A page of permission profiles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct PermissionProfileListResponse {
    pub data: Vec<PermissionProfileSummary>,
    #[serde(default)]
    pub next_cursor: Option<String>,
}

/// A permission profile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct PermissionProfileSummary {
    /// Whether an administrator lets it be used.
    pub allowed: bool,
    #[serde(default)]
    pub description: Option<String>,
    /// Built-in ones begin with a colon, such as `:read-only`.
    pub id: String,
}

/// Where data has to stay.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum ResidencyRequirement {
    Us,
}

/// The table `sandbox_workspace_write`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[ts(export_to = "v2/")]
pub struct SandboxWorkspaceWrite {
    /// Leaves `/tmp` out of what may be written.
    #[serde(default)]
    pub exclude_slash_tmp: bool,
    /// Leaves the folder named by `TMPDIR` out of what may be written.
    #[serde(default)]
    pub exclude_tmpdir_env_var: bool,
    /// Whether commands may open network connections.
    #[serde(default)]
    pub network_access: bool,
    /// Further folders that may be written.
    #[serde(default)]
    pub writable_roots: Vec<String>,
}

/// The table `tools`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[ts(export_to = "v2/")]
pub struct ToolsV2 {
    #[serde(default)]
    pub web_search: Option<WebSearchToolConfig>,
}

/// How much of what a search finds the model is given.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
pub enum WebSearchContextSize {
    Low,
    Medium,
    High,
}

/// Where to search as if from.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
pub struct WebSearchLocation {
    #[serde(default)]
    pub city: Option<String>,
    #[serde(default)]
    pub country: Option<String>,
    #[serde(default)]
    pub region: Option<String>,
    #[serde(default)]
    pub timezone: Option<String>,
}

/// `cached`: from an index; `live`: from the web itself.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
pub enum WebSearchMode {
    Disabled,
    Cached,
    Indexed,
    Live,
}

/// Who runs searches for a client.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
pub enum WebSearchProvider {
    Standalone,
    SearchMcp,
}

/// The table `tools.web_search`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
pub struct WebSearchToolConfig {
    /// Null: all.
    #[serde(default)]
    pub allowed_domains: Option<Vec<String>>,
    #[serde(default)]
    pub context_size: Option<WebSearchContextSize>,
    #[serde(default)]
    pub location: Option<WebSearchLocation>,
}

/// `okOverridden`: written, but a higher layer keeps it from taking effect.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum WriteStatus {
    Ok,
    OkOverridden,
}
