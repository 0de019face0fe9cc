//! The shape of a configuration file as far as its values are typed. A value of the wrong type is found here, with its
//! place; defaults and meaning are added in `settings`. Keys not listed are kept in the merged table and not checked.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use serde::de::{self, IgnoredAny, IntoDeserializer as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::{Table, Value};

use crate::shell_environment::ShellEnvironmentPolicy;
use crate::trust::TrustLevel;
use crate::values::{
    ApprovalPolicy, CredentialsStore, ForcedLoginMethod, HistoryPersistence, McpCredentialsStore,
    Personality, ReasoningSummary, SandboxMode, Verbosity, WebSearchMode, WireApi,
};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RawConfig {
    pub(crate) model: Option<String>,
    pub(crate) review_model: Option<String>,
    pub(crate) model_provider: Option<String>,
    pub(crate) model_context_window: Option<i64>,
    pub(crate) model_auto_compact_token_limit: Option<i64>,
    pub(crate) model_reasoning_effort: Option<String>,
    pub(crate) model_reasoning_summary: Option<ReasoningSummary>,
    pub(crate) model_verbosity: Option<Verbosity>,
    pub(crate) model_supports_reasoning_summaries: Option<bool>,
    pub(crate) model_instructions_file: Option<PathBuf>,
    pub(crate) experimental_instructions_file: Option<PathBuf>,
    pub(crate) developer_instructions: Option<String>,
    pub(crate) compact_prompt: Option<String>,
    pub(crate) experimental_compact_prompt_file: Option<PathBuf>,
    pub(crate) model_personality: Option<Personality>,
    pub(crate) personality: Option<Personality>,
    pub(crate) approval_policy: Option<RawApprovalPolicy>,
    pub(crate) sandbox_mode: Option<SandboxMode>,
    pub(crate) sandbox_workspace_write: RawWorkspaceWrite,
    pub(crate) shell_environment_policy: ShellEnvironmentPolicy,
    pub(crate) allow_login_shell: Option<bool>,
    pub(crate) mcp_servers: Table,
    pub(crate) mcp_oauth_credentials_store: Option<McpCredentialsStore>,
    pub(crate) mcp_oauth_callback_port: Option<u16>,
    pub(crate) model_providers: BTreeMap<String, RawProvider>,
    pub(crate) chatgpt_base_url: Option<String>,
    pub(crate) openai_base_url: Option<String>,
    pub(crate) cli_auth_credentials_store: Option<CredentialsStore>,
    pub(crate) forced_login_method: Option<ForcedLoginMethod>,
    pub(crate) forced_chatgpt_workspace_id: Option<OneOrMany>,
    pub(crate) project_doc_max_bytes: Option<usize>,
    pub(crate) project_doc_fallback_filenames: Vec<String>,
    pub(crate) project_root_markers: Option<Vec<String>>,
    /// Looked up in the user layer only (`trust`); here for their types.
    pub(crate) projects: BTreeMap<String, RawProject>,
    pub(crate) tool_output_token_limit: Option<u64>,
    pub(crate) profile: Option<String>,
    /// Only their types and names matter here; the values are laid over the merged table.
    pub(crate) profiles: BTreeMap<String, RawConfig>,
    pub(crate) history: RawHistory,
    pub(crate) notify: Option<Vec<String>>,
    pub(crate) hide_agent_reasoning: Option<bool>,
    pub(crate) show_raw_agent_reasoning: Option<bool>,
    pub(crate) web_search: Option<WebSearchMode>,
    pub(crate) tools: RawTools,
    /// Read by `features`; here for its type.
    pub(crate) features: BTreeMap<String, Value>,
    pub(crate) agents: RawAgents,
    pub(crate) service_tier: Option<String>,
    pub(crate) model_catalog_json: Option<PathBuf>,
    pub(crate) analytics: RawAnalytics,
    pub(crate) feedback: RawFeedback,
    pub(crate) suppress_unstable_features_warning: Option<bool>,
}

/// A policy word, or today's table of single switches. The table is read as `on-request`, which asks in every case the
/// switches could allow to be asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawApprovalPolicy(pub(crate) ApprovalPolicy);

impl<'de> Deserialize<'de> for RawApprovalPolicy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PolicyVisitor).map(Self)
    }
}

struct PolicyVisitor;

impl<'de> Visitor<'de> for PolicyVisitor {
    type Value = ApprovalPolicy;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an approval policy")
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<ApprovalPolicy, E> {
        ApprovalPolicy::deserialize(word.into_deserializer())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ApprovalPolicy, A::Error> {
        while let Some((key, IgnoredAny)) = map.next_entry::<String, _>()? {
            if key != "granular" {
                return Err(de::Error::unknown_field(&key, &["granular"]));
            }
        }
        Ok(ApprovalPolicy::OnRequest)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RawWorkspaceWrite {
    pub(crate) writable_roots: Vec<PathBuf>,
    pub(crate) network_access: bool,
    pub(crate) exclude_tmpdir_env_var: bool,
    pub(crate) exclude_slash_tmp: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RawProject {
    pub(crate) trust_level: Option<TrustLevel>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RawHistory {
    pub(crate) persistence: Option<HistoryPersistence>,
    pub(crate) max_bytes: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RawTools {
    /// A switch in the January form, a table of options in today's.
    pub(crate) web_search: Option<Value>,
    pub(crate) view_image: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RawAgents {
    pub(crate) max_threads: Option<NonZeroUsize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RawAnalytics {
    pub(crate) enabled: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RawFeedback {
    pub(crate) enabled: Option<bool>,
    pub(crate) upload_url: Option<String>,
}

/// A string or a list of strings.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RawProvider {
    pub(crate) name: Option<String>,
    pub(crate) base_url: Option<String>,
    pub(crate) wire_api: Option<WireApi>,
    pub(crate) env_key: Option<String>,
    pub(crate) env_key_instructions: Option<String>,
    pub(crate) experimental_bearer_token: Option<String>,
    pub(crate) auth: Option<RawAuthCommand>,
    pub(crate) query_params: Option<BTreeMap<String, String>>,
    pub(crate) http_headers: Option<BTreeMap<String, String>>,
    pub(crate) env_http_headers: Option<BTreeMap<String, String>>,
    pub(crate) request_max_retries: Option<u64>,
    pub(crate) stream_max_retries: Option<u64>,
    pub(crate) stream_idle_timeout_ms: Option<u64>,
    pub(crate) requires_openai_auth: Option<bool>,
    pub(crate) script: Option<PathBuf>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct RawAuthCommand {
    pub(crate) command: String,
    #[serde(default)]
    pub(crate) args: Vec<String>,
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) refresh_interval_ms: Option<u64>,
    pub(crate) cwd: Option<PathBuf>,
}
