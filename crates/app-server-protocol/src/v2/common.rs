//! Small types that several nouns share.
#![allow(
    missing_docs,
    reason = "a field is named as on the wire; what is not plain from its name has a comment"
)]

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::approval::{AdditionalFileSystemPermissions, AdditionalNetworkPermissions};
use super::model::ReasoningEffort;

/// An absolute path as text. A relative one is refused while parsing, so that nothing behind the boundary
/// depends on the server's own working directory.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema, TS)]
#[serde(transparent)]
pub struct AbsolutePathBuf(pub String);

impl<'de> Deserialize<'de> for AbsolutePathBuf {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if std::path::Path::new(&text).is_absolute() {
            Ok(AbsolutePathBuf(text))
        } else {
            Err(serde::de::Error::custom(format_args!("path is not absolute: {text}")))
        }
    }
}

impl AsRef<std::path::Path> for AbsolutePathBuf {
    fn as_ref(&self) -> &std::path::Path {
        std::path::Path::new(&self.0)
    }
}

/// A rule that allows or denies.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum AllowDenyRequirement {
    Allow,
    Deny,
}

/// Where credentials are kept: in a file, in the system's keyring, in whichever of them works, or in memory
/// only.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum CliAuthCredentialsStoreMode {
    File,
    Keyring,
    Auto,
    Ephemeral,
}

/// An administrator's rule on feedback uploads.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct FeedbackRequirements {
    /// False refuses `feedback/upload`; null leaves it to the user.
    #[serde(default)]
    pub enabled: Option<bool>,
}

/// How requests to a custom model gateway are authorised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(tag = "mode", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[ts(export_to = "v2/")]
pub enum GatewayAuth {
    /// Not at all.
    None,
    /// By a key in an environment variable of the server.
    EnvironmentVariable { env_key: String },
    /// By means set in the configuration file.
    ExternallyConfigured {
        #[serde(default)]
        env_key: Option<String>,
    },
}

/// An administrator's rules for a client's built-in browser.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct InAppBrowserRequirements {
    #[serde(default)]
    pub allow_external_browser_settings_import: Option<bool>,
}

/// A path as text in the form of the machine it belongs to, usually absolute.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, TS)]
#[serde(transparent)]
pub struct LegacyAppPathString(pub String);

/// The model settings an administrator wants new threads to begin with.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct NewThreadModelDefaults {
    #[serde(default)]
    pub model: Option<String>,
    #[serde(default)]
    pub model_reasoning_effort: Option<ReasoningEffort>,
    #[serde(default)]
    pub service_tier: Option<String>,
}

/// What kind of service a model provider is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[ts(export_to = "v2/")]
pub enum ProviderSettings {
    /// The built-in provider.
    Openai,
    /// A provider from the configuration file.
    CustomGateway { auth: GatewayAuth },
    Bedrock {
        #[serde(default)]
        profile: Option<String>,
        #[serde(default)]
        region: Option<String>,
    },
    Gcp {
        #[serde(default)]
        credential_file: Option<String>,
        #[serde(default)]
        location: Option<String>,
        #[serde(default)]
        project_id: Option<String>,
    },
}

/// A header sent with HTTP requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct RequestHeader {
    pub name: String,
    pub value: String,
}

/// What the agent asks to be permitted beyond its sandbox; null parts are not asked for.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct RequestPermissionProfile {
    #[serde(default)]
    pub file_system: Option<AdditionalFileSystemPermissions>,
    #[serde(default)]
    pub network: Option<AdditionalNetworkPermissions>,
}

/// A place in a text file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct TextPosition {
    /// From 1.
    pub column: usize,
    /// From 1.
    pub line: usize,
}

/// A stretch of a text file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct TextRange {
    /// Equal to `start` when only a place is known.
    pub end: TextPosition,
    pub start: TextPosition,
}

/// The kinds of sandboxes on Windows.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum WindowsSandboxImplementation {
    Elevated,
    Unelevated,
    Mxc,
}
