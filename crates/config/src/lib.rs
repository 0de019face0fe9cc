//! Configuration: what the user, the project, the command line and a request say, merged into typed settings.
//!
//! This is the only crate that reads environment variables and the working directory ([`Environment`]). It knows
//! nothing of the wire types, of threads or of the network, and it never writes: every function here reads files and
//! returns values, an edited file's text among them.
//!
//! - [`mod@env`]: the snapshot of the process environment taken at start.
//! - [`overrides`]: `-c key=value` flags and the JSON `config` maps of requests.
//! - [`layers`]: the files and flags with their precedence, the merge, and who set which key.
//! - [`trust`]: which project folders count as trusted, and what their files may not say.
//! - [`trust_records`]: what a trusted folder held when it was trusted.
//! - [`requirements`]: what an administrator allows.
//! - [`hooks`]: programs that run at points of a turn.
//! - [`roots`]: walking up to the project root and the git root.
//! - [`load`]: [`ConfigLoader`], which reads the layers and builds a [`Config`].
//! - [`settings`]: [`Config`], the effective settings a thread needs.
//! - [`mod@shell_environment`]: which variables commands see.
//! - [`shell`]: which shell commands run in.
//! - [`mod@edit`]: changing a file's text and nothing in it but the keys that are meant.
//! - [`secret_values`]: which settings are secrets.
//! - [`providers`]: where the model lives and how to authenticate to it.
//! - [`models`]: what is known about each model.
//! - [`instructions`]: the AGENTS.md files.

pub mod edit;
pub mod env;
pub mod error;
pub mod features;
mod glob;
pub mod hooks;
pub mod instructions;
mod keys;
pub mod layers;
pub mod load;
pub mod models;
pub mod overrides;
pub mod providers;
mod raw;
pub mod requirements;
pub mod roots;
pub mod secret_values;
pub mod settings;
pub mod shell;
pub mod shell_environment;
pub mod trust;
pub mod trust_records;
pub mod values;

pub use env::Environment;
pub use error::{ConfigError, ConfigWarning, DeprecationNotice, Position, TextRange};
pub use features::{Feature, FeatureStage, Features};
pub use hooks::{Hook, HookAction, HookEvent, HookPlace, HookTrust, Hooks};
pub use instructions::{ProjectDocs, project_docs};
pub use layers::{Layer, LayerSource, Layers};
pub use load::{ConfigLoader, LoadRequest};
pub use models::ModelInfo;
pub use providers::{MissingKey, ProviderConfig, ProviderKind};
pub use requirements::{Requirements, ServerIdentity};
pub use settings::{Config, SandboxWorkspaceWrite};
pub use shell::login_shell;
pub use shell_environment::{ShellEnvironmentPolicy, child_environment, looks_secret};
pub use trust::TrustLevel;
pub use trust_records::{FolderHasher, TrustChange, TrustRecords, TrustSource};
pub use values::{
    ApprovalPolicy, CredentialsStore, EnvironmentInherit, ForcedLoginMethod, HistoryPersistence,
    McpCredentialsStore, Personality, ReasoningSummary, SandboxMode, Verbosity, WebSearchMode, WireApi,
};
