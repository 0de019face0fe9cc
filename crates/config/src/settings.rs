//! The effective settings, typed and with defaults, as a thread and its turns need them. It must not decide where
//! values come from (`layers`, `load`), nor act on them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::{Table, Value};

use crate::env::Environment;
use crate::error::{ConfigError, ConfigWarning, DeprecationNotice};
use crate::features::Features;
use crate::layers::Layers;
use crate::models::{self, Catalog};
use crate::providers::{self, OPENAI, ProviderConfig};
use crate::raw::{OneOrMany, RawConfig};
use crate::requirements::Requirements;
use crate::shell_environment::ShellEnvironmentPolicy;
use crate::trust::TrustLevel;
use crate::values::{
    ApprovalPolicy, CredentialsStore, ForcedLoginMethod, HistoryPersistence, McpCredentialsStore,
    Personality, ReasoningSummary, SandboxMode, Verbosity, WebSearchMode,
};

/// Base of the account backend, unless `chatgpt_base_url` says otherwise.
pub const DEFAULT_CHATGPT_BASE_URL: &str = "https://chatgpt.com/backend-api/";
/// Default of `project_doc_max_bytes`.
pub const DEFAULT_PROJECT_DOC_MAX_BYTES: usize = 32 * 1024;
/// Default of `agents.max_threads`.
const DEFAULT_MAX_AGENT_THREADS: usize = 6;

/// What `workspace-write` allows beyond the working directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SandboxWorkspaceWrite {
    /// Further folders that may be written, absolute.
    pub writable_roots: Vec<PathBuf>,
    /// Whether commands may use the network.
    pub network_access: bool,
    /// Leave `$TMPDIR` unwritable.
    pub exclude_tmpdir_env_var: bool,
    /// Leave `/tmp` unwritable.
    pub exclude_slash_tmp: bool,
}

/// The message history of terminal clients; kept for them, not used here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct History {
    /// Whether it is kept.
    pub persistence: HistoryPersistence,
    /// Its greatest size in bytes.
    pub max_bytes: Option<u64>,
}

/// The effective settings (config.md section 4 names every key). `None` means not configured.
#[derive(Clone)]
pub struct Config {
    /// The product's home folder.
    pub codex_home: PathBuf,
    /// Where every value comes from.
    pub layers: Arc<Layers>,
    /// What an administrator requires; these settings keep to it.
    pub requirements: Arc<Requirements>,
    /// All layers merged, as files and flags have it; profiles are not laid over it.
    pub merged: Arc<Table>,
    /// What the user said about the project the load was for; untrusted if its folder has changed since.
    pub trust: Option<TrustLevel>,
    /// The selected legacy profile.
    pub profile: Option<String>,

    /// The configured model; see [`Config::model_slug`].
    pub model: Option<String>,
    /// The model for reviews; the thread's when absent.
    pub review_model: Option<String>,
    /// Id of the selected provider.
    pub model_provider_id: String,
    /// The selected provider.
    pub model_provider: ProviderConfig,
    /// Every provider by id.
    pub model_providers: BTreeMap<String, ProviderConfig>,
    /// Size of the context window in tokens, over the model's own.
    pub model_context_window: Option<u64>,
    /// Token count that starts a compaction, over the model's own.
    pub model_auto_compact_token_limit: Option<u64>,
    /// Reasoning effort, any word: newer models have efforts we do not know.
    pub model_reasoning_effort: Option<String>,
    /// How much of a reasoning summary to ask for.
    pub model_reasoning_summary: ReasoningSummary,
    /// Length of answers.
    pub model_verbosity: Option<Verbosity>,
    /// Sends (or withholds) the reasoning object whatever is known of the model.
    pub model_supports_reasoning_summaries: Option<bool>,
    /// Text of `model_instructions_file`; replaces the base instructions.
    pub base_instructions: Option<String>,
    /// A developer message for every thread.
    pub developer_instructions: Option<String>,
    /// Replaces the prompt of local compaction.
    pub compact_prompt: Option<String>,
    /// Tone.
    pub personality: Option<Personality>,
    /// Service tier of requests.
    pub service_tier: Option<String>,
    /// The models that are known without asking their server: those of `model_catalog_json`, else the built-in ones.
    pub model_catalog: Arc<Catalog>,

    /// When to ask.
    pub approval_policy: ApprovalPolicy,
    /// What commands may touch.
    pub sandbox_mode: SandboxMode,
    /// Particulars of `workspace-write`.
    pub sandbox_workspace_write: SandboxWorkspaceWrite,
    /// Which variables commands see (config.md section 9).
    pub shell_environment_policy: ShellEnvironmentPolicy,
    /// Whether commands may run in a login shell.
    pub allow_login_shell: bool,
    /// MCP servers by name, as written (config.md section 10).
    pub mcp_servers: Table,
    /// Where OAuth credentials of MCP servers are kept.
    pub mcp_oauth_credentials_store: McpCredentialsStore,
    /// Port of the OAuth callback of MCP servers.
    pub mcp_oauth_callback_port: Option<u16>,
    /// The hosted search mode, if one is set; see [`Config::web_search_mode`].
    pub web_search: Option<WebSearchMode>,
    /// Whether the image viewing tool is offered.
    pub tools_view_image: bool,
    /// Tokens of a tool's output that stay in the history, over the model's own limit.
    pub tool_output_token_limit: Option<u64>,
    /// How many agents may be spawned.
    pub agents_max_threads: usize,
    /// Feature switches.
    pub features: Features,

    /// Bytes of AGENTS.md files; 0 reads none.
    pub project_doc_max_bytes: usize,
    /// Names tried after AGENTS.md.
    pub project_doc_fallback_filenames: Vec<String>,
    /// What marks a project's root.
    pub project_root_markers: Vec<String>,

    /// Base of the account backend.
    pub chatgpt_base_url: String,
    /// Where credentials are kept.
    pub cli_auth_credentials_store: CredentialsStore,
    /// The only way of signing in that is allowed.
    pub forced_login_method: Option<ForcedLoginMethod>,
    /// The only workspaces that are allowed; empty allows all.
    pub forced_chatgpt_workspace_ids: Vec<String>,

    /// Program and arguments run after each turn.
    pub notify: Option<Vec<String>>,
    /// Do not show reasoning.
    pub hide_agent_reasoning: bool,
    /// Show raw reasoning, not only summaries.
    pub show_raw_agent_reasoning: bool,
    /// The message history of terminal clients.
    pub history: History,
    /// Whether metrics are sent; `None` leaves it to the command line.
    pub analytics_enabled: Option<bool>,
    /// Whether `feedback/upload` is allowed.
    pub feedback_enabled: bool,
    /// Where feedback bundles are posted; they stay on this machine when absent.
    pub feedback_upload_url: Option<String>,

    /// What the user should know about this configuration.
    pub warnings: Vec<ConfigWarning>,
    /// Settings that have a better form.
    pub deprecations: Vec<DeprecationNotice>,
}

/// Everything [`Config::build`] puts together.
pub(crate) struct BuildInput<'a> {
    pub(crate) environment: &'a Environment,
    pub(crate) codex_home: &'a Path,
    pub(crate) layers: Layers,
    pub(crate) requirements: Requirements,
    pub(crate) merged: Table,
    /// The merged table with the profile laid over it, and the same decoded.
    pub(crate) effective: Table,
    pub(crate) raw: RawConfig,
    pub(crate) profile: Option<String>,
    pub(crate) trust: Option<TrustLevel>,
    pub(crate) warnings: Vec<ConfigWarning>,
}

impl Config {
    /// Returns the model to use when a request names none.
    pub fn model_slug(&self) -> &str {
        self.model.as_deref().unwrap_or_else(|| self.model_catalog.default_model())
    }

    /// Returns the mode of the hosted search tool: the configured one, else live without a sandbox and cached within
    /// one.
    pub fn web_search_mode(&self, sandbox: SandboxMode) -> WebSearchMode {
        self.web_search.unwrap_or(match sandbox {
            SandboxMode::DangerFullAccess => WebSearchMode::Live,
            SandboxMode::ReadOnly | SandboxMode::WorkspaceWrite => WebSearchMode::Cached,
        })
    }

    /// Gives defaults and meaning to decoded settings.
    #[expect(clippy::too_many_lines, reason = "a table: one line for each setting")]
    pub(crate) fn build(input: BuildInput<'_>) -> Result<Self, ConfigError> {
        let BuildInput { environment, codex_home, requirements, layers, merged, effective, .. } = input;
        let BuildInput { raw, profile, trust, warnings, .. } = input;
        let (features, mut deprecations) = Features::from_table(&effective);
        let web_search = web_search(&raw, &features, &mut deprecations);
        if raw.experimental_instructions_file.is_some() {
            deprecations.push(DeprecationNotice {
                summary: "`experimental_instructions_file` has no effect.".to_owned(),
                details: Some("Set `model_instructions_file` instead.".to_owned()),
            });
        }
        let model_provider_id = raw.model_provider.unwrap_or_else(|| OPENAI.to_owned());
        let model_providers =
            providers::all(environment, raw.openai_base_url.as_deref(), raw.model_providers)
                .map_err(ConfigError::new)?;
        let model_provider = model_providers.get(&model_provider_id).cloned().ok_or_else(|| {
            let known = model_providers.keys().cloned().collect::<Vec<_>>().join(", ");
            let reason = format!("unknown model provider `{model_provider_id}`; known are {known}");
            layers.error_at(&["model_provider"], reason)
        })?;
        let base_instructions = raw
            .model_instructions_file
            .map(|path| text_file(&layers, "model_instructions_file", &path))
            .transpose()?;
        let compact_prompt = match raw.compact_prompt.filter(|text| !text.trim().is_empty()) {
            Some(text) => Some(text),
            None => raw
                .experimental_compact_prompt_file
                .map(|path| text_file(&layers, "experimental_compact_prompt_file", &path))
                .transpose()?,
        };
        let model_catalog = match raw.model_catalog_json {
            Some(path) => {
                let text = text_file(&layers, "model_catalog_json", &path)?;
                let catalog = Catalog::parse(&text).map_err(|reason| {
                    let reason = format!("model_catalog_json: {}: {reason}", path.display());
                    layers.error_at(&["model_catalog_json"], reason)
                })?;
                Arc::new(catalog)
            }
            None => Arc::clone(models::built_in()),
        };
        let forced_chatgpt_workspace_ids = requirements
            .workspaces(workspaces(&layers, raw.forced_chatgpt_workspace_id)?)
            .map_err(|reason| layers.error_at(&["forced_chatgpt_workspace_id"], reason))?;
        let forced_login_method = requirements
            .login_method(raw.forced_login_method)
            .map_err(|reason| layers.error_at(&["forced_login_method"], reason))?;
        let approval_policy = match raw.approval_policy {
            Some(policy) => {
                let checked = requirements.check_approval_policy(policy.0);
                checked.map_err(|reason| layers.error_at(&["approval_policy"], reason))?;
                policy.0
            }
            None => requirements.default_approval_policy(match trust {
                Some(TrustLevel::Untrusted) => ApprovalPolicy::Untrusted,
                Some(TrustLevel::Trusted) | None => ApprovalPolicy::OnRequest,
            }),
        };
        let sandbox_mode = match raw.sandbox_mode {
            Some(mode) => {
                let checked = requirements.check_sandbox(mode.as_str());
                checked.map_err(|reason| layers.error_at(&["sandbox_mode"], reason))?;
                mode
            }
            None => requirements.default_sandbox_mode(match trust {
                Some(_) => SandboxMode::WorkspaceWrite,
                None => SandboxMode::ReadOnly,
            }),
        };
        // A negative size means nothing; the model's own is used.
        let size = |value: Option<i64>| value.and_then(|value| u64::try_from(value).ok());
        let workspace = raw.sandbox_workspace_write;
        Ok(Self {
            codex_home: codex_home.to_owned(),
            layers: Arc::new(layers),
            requirements: Arc::new(requirements),
            merged: Arc::new(merged),
            trust,
            profile,
            model: raw.model,
            review_model: raw.review_model,
            model_provider_id,
            model_provider,
            model_providers,
            model_context_window: size(raw.model_context_window),
            model_auto_compact_token_limit: size(raw.model_auto_compact_token_limit),
            model_reasoning_effort: raw.model_reasoning_effort,
            model_reasoning_summary: raw.model_reasoning_summary.unwrap_or(ReasoningSummary::Auto),
            model_verbosity: raw.model_verbosity,
            model_supports_reasoning_summaries: raw.model_supports_reasoning_summaries,
            base_instructions,
            developer_instructions: raw.developer_instructions,
            compact_prompt,
            personality: raw.personality.or(raw.model_personality),
            service_tier: raw.service_tier,
            model_catalog,
            approval_policy,
            sandbox_mode,
            sandbox_workspace_write: SandboxWorkspaceWrite {
                writable_roots: workspace.writable_roots,
                network_access: workspace.network_access,
                exclude_tmpdir_env_var: workspace.exclude_tmpdir_env_var,
                exclude_slash_tmp: workspace.exclude_slash_tmp,
            },
            shell_environment_policy: raw.shell_environment_policy,
            allow_login_shell: raw.allow_login_shell.unwrap_or(true),
            mcp_servers: raw.mcp_servers,
            mcp_oauth_credentials_store: raw.mcp_oauth_credentials_store.unwrap_or(McpCredentialsStore::Auto),
            mcp_oauth_callback_port: raw.mcp_oauth_callback_port,
            web_search,
            tools_view_image: raw.tools.view_image.unwrap_or(true),
            tool_output_token_limit: raw.tool_output_token_limit,
            agents_max_threads: raw.agents.max_threads.map_or(DEFAULT_MAX_AGENT_THREADS, usize::from),
            features,
            project_doc_max_bytes: raw.project_doc_max_bytes.unwrap_or(DEFAULT_PROJECT_DOC_MAX_BYTES),
            project_doc_fallback_filenames: raw.project_doc_fallback_filenames,
            project_root_markers: raw.project_root_markers.unwrap_or_else(default_root_markers),
            chatgpt_base_url: raw.chatgpt_base_url.unwrap_or_else(|| DEFAULT_CHATGPT_BASE_URL.to_owned()),
            cli_auth_credentials_store: raw.cli_auth_credentials_store.unwrap_or(CredentialsStore::File),
            forced_login_method,
            forced_chatgpt_workspace_ids,
            notify: raw.notify.filter(|argv| !argv.is_empty()),
            hide_agent_reasoning: raw.hide_agent_reasoning.unwrap_or(false),
            show_raw_agent_reasoning: raw.show_raw_agent_reasoning.unwrap_or(false),
            history: History {
                persistence: raw.history.persistence.unwrap_or(HistoryPersistence::SaveAll),
                max_bytes: raw.history.max_bytes,
            },
            analytics_enabled: raw.analytics.enabled,
            feedback_enabled: raw.feedback.enabled.unwrap_or(true),
            feedback_upload_url: raw.feedback.upload_url,
            warnings,
            deprecations,
        })
    }
}

/// Shows names only: tables hold secrets.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("model", &self.model)
            .field("model_provider_id", &self.model_provider_id)
            .field("approval_policy", &self.approval_policy)
            .field("sandbox_mode", &self.sandbox_mode)
            .field("layers", &self.layers)
            .finish_non_exhaustive()
    }
}

pub(crate) fn default_root_markers() -> Vec<String> {
    vec![".git".to_owned()]
}

/// The search mode out of the current key, else out of the older switches.
fn web_search(
    raw: &RawConfig,
    features: &Features,
    deprecations: &mut Vec<DeprecationNotice>,
) -> Option<WebSearchMode> {
    let tool = raw.tools.web_search.as_ref().and_then(Value::as_bool);
    if tool.is_some() {
        deprecations.push(DeprecationNotice {
            summary: "`tools.web_search` is out of date.".to_owned(),
            details: Some("Set `web_search` to \"disabled\", \"cached\" or \"live\" instead.".to_owned()),
        });
    }
    raw.web_search.or_else(|| {
        if features.enabled("web_search_cached") {
            return Some(WebSearchMode::Cached);
        }
        // Who switched the tool off by the older key wants no search at all.
        match features.explicit("web_search_request").or(tool) {
            Some(true) => Some(WebSearchMode::Live),
            Some(false) => Some(WebSearchMode::Disabled),
            None => None,
        }
    })
}

/// Reads a file that holds a prompt; an unreadable or empty one is an error, since going on without it would silently
/// change what the model is told.
fn text_file(layers: &Layers, key: &str, path: &Path) -> Result<String, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        layers.error_at(&[key], format!("{key}: cannot read {}: {error}", path.display()))
    })?;
    match text.trim() {
        "" => Err(layers.error_at(&[key], format!("{key}: {} is empty", path.display()))),
        text => Ok(text.to_owned()),
    }
}

/// A single string names one workspace; a comma in it is a misunderstanding (auth.md section 13).
fn workspaces(layers: &Layers, value: Option<OneOrMany>) -> Result<Vec<String>, ConfigError> {
    let ids = match value {
        None => Vec::new(),
        Some(OneOrMany::One(id)) if id.contains(',') => {
            let reason = "forced_chatgpt_workspace_id: write several ids as a list of strings";
            return Err(layers.error_at(&["forced_chatgpt_workspace_id"], reason));
        }
        Some(OneOrMany::One(id)) => vec![id],
        Some(OneOrMany::Many(ids)) => ids,
    };
    Ok(ids.iter().map(|id| id.trim()).filter(|id| !id.is_empty()).map(str::to_owned).collect())
}
