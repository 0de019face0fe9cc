//! Models, what they can do, and how they are asked to work (wire specification 14).
#![allow(
    missing_docs,
    reason = "a field is named as on the wire; what is not plain from its name has a comment"
)]

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::common::ProviderSettings;
use super::thread::MultiAgentVersion;
use super::turn::CyberAccessProgram;

/// How the agent works with the user, and the model settings that go with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
pub struct CollaborationMode {
    pub mode: ModeKind,
    pub settings: Settings,
}

/// Asks for the modes there are.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct CollaborationModeListParams {}

/// All modes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct CollaborationModeListResponse {
    pub data: Vec<CollaborationModeMask>,
}

/// A mode and what choosing it changes of the settings; null parts leave them as they are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[ts(export_to = "v2/")]
pub struct CollaborationModeMask {
    #[serde(default)]
    pub mode: Option<ModeKind>,
    #[serde(default)]
    pub model: Option<String>,
    pub name: String,
    /// The effort the mode works with.
    #[serde(default)]
    pub reasoning_effort: Option<ReasoningEffort>,
}

/// A kind of input a model understands.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
pub enum InputModality {
    Text,
    Image,
    Audio,
}

/// `plan`: the agent asks and proposes a plan, and changes nothing. `default`: it does the work.
///
/// Names of modes that older clients know are read as `default`.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
pub enum ModeKind {
    Plan,
    Default,
}

/// A model as it can be offered for choice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct Model {
    /// Older form of `serviceTiers`.
    #[serde(default)]
    pub additional_speed_tiers: Vec<String>,
    /// A hint to show once, null for none.
    #[serde(default)]
    pub availability_nux: Option<ModelAvailabilityNux>,
    #[serde(default)]
    pub available_access_programs: Option<ModelAccessPrograms>,
    /// Used when none is chosen.
    pub default_reasoning_effort: ReasoningEffort,
    #[serde(default)]
    pub default_service_tier: Option<String>,
    pub description: String,
    pub display_name: String,
    /// Not offered by default; listed only with `includeHidden`.
    pub hidden: bool,
    /// Unique in the list.
    pub id: String,
    /// Text and images when a server does not say.
    #[serde(default = "model_input_modalities")]
    pub input_modalities: Vec<InputModality>,
    /// True for exactly one.
    pub is_default: bool,
    /// What to give as `model` to `thread/start` and `turn/start`.
    pub model: String,
    #[serde(default)]
    pub model_specialty: Option<String>,
    #[serde(default)]
    pub multi_agent_version: Option<MultiAgentVersion>,
    #[serde(default)]
    pub service_tiers: Vec<ModelServiceTier>,
    pub supported_reasoning_efforts: Vec<ReasoningEffortOption>,
    /// Whether `personality` has an effect.
    #[serde(default)]
    pub supports_personality: bool,
    /// A newer model to suggest instead.
    #[serde(default)]
    pub upgrade: Option<String>,
    #[serde(default)]
    pub upgrade_info: Option<ModelUpgradeInfo>,
}

/// Access programs under which a model is offered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ModelAccessPrograms {
    pub cyber: Vec<CyberAccessProgram>,
}

/// A hint about a new model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ModelAvailabilityNux {
    pub message: String,
}

/// Asks for the models there are.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ModelListParams {
    /// `nextCursor` of an earlier answer.
    #[serde(default)]
    pub cursor: Option<String>,
    /// Also lists models that are not offered by default.
    #[serde(default)]
    pub include_hidden: Option<bool>,
    /// All when absent.
    #[serde(default)]
    pub limit: Option<u32>,
    /// Null: the configured one.
    #[serde(default)]
    pub model_provider: Option<String>,
}

/// Models in the order in which to offer them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ModelListResponse {
    pub data: Vec<Model>,
    /// Null on the last page.
    #[serde(default)]
    pub next_cursor: Option<String>,
}

/// Asks what the configured provider can do.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ModelProviderCapabilitiesReadParams {}

/// Tools that the configured provider runs itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ModelProviderCapabilitiesReadResponse {
    pub image_generation: bool,
    pub web_search: bool,
}

/// Asks for the providers there are.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ModelProviderListParams {}

/// Built-in and configured providers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ModelProviderListResponse {
    /// Whether the configuration allows another default.
    pub can_change_default: bool,
    pub data: Vec<ModelProviderSummary>,
    pub default_provider_id: String,
}

/// A model provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ModelProviderSummary {
    #[serde(default)]
    pub base_url: Option<String>,
    /// Whether it comes from the user's configuration file.
    pub can_edit: bool,
    /// What to give as `modelProvider` to `thread/start`.
    pub id: String,
    pub name: String,
    pub settings: ProviderSettings,
}

/// A class of service a model is offered in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ModelServiceTier {
    pub description: String,
    /// What to give as `serviceTier`.
    pub id: String,
    pub name: String,
}

/// A newer model and how to present it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ModelUpgradeInfo {
    #[serde(default)]
    pub migration_markdown: Option<String>,
    pub model: String,
    #[serde(default)]
    pub model_link: Option<String>,
    /// Unix seconds at which the older model goes away; null when not known.
    #[serde(default)]
    pub retirement_at: Option<i64>,
    #[serde(default)]
    pub upgrade_copy: Option<String>,
}

/// The tone of the agent's answers, for models that support it.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
pub enum Personality {
    None,
    Friendly,
    Pragmatic,
}

/// How hard a model should think, such as `low`, `medium` or `high`. Which words it knows depends on the
/// model; unknown ones are passed on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, TS)]
#[serde(transparent)]
pub struct ReasoningEffort(pub String);

/// An effort a model knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ReasoningEffortOption {
    pub description: String,
    pub reasoning_effort: ReasoningEffort,
}

/// How much of the model's reasoning is summarised for the user; `none` for not at all.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
pub enum ReasoningSummary {
    Auto,
    Concise,
    Detailed,
    None,
}

/// The model settings of a collaboration mode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
pub struct Settings {
    /// Null: the built-in ones of the mode.
    #[serde(default)]
    pub developer_instructions: Option<String>,
    pub model: String,
    #[serde(default)]
    pub reasoning_effort: Option<ReasoningEffort>,
}

/// How long the model's answers should be.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
pub enum Verbosity {
    Low,
    Medium,
    High,
}

fn model_input_modalities() -> Vec<InputModality> {
    vec![InputModality::Text, InputModality::Image]
}
