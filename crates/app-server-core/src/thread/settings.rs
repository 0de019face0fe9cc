//! What a thread runs with: the configuration of its folder, overridden by the request that started or resumed it,
//! and by each turn for the ones that follow (wire specification 4.2, 5.1).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use app_server_config::{ApprovalPolicy, SandboxMode as ConfigSandbox, SandboxWorkspaceWrite};
use app_server_config::{
    Config, ConfigLoader, LoadRequest, ModelInfo, ProjectDocs, ProviderConfig, Requirements, overrides,
    project_docs, requirements::EXTERNAL_SANDBOX,
};
use app_server_protocol::v2::{
    AbsolutePathBuf, ApprovalsReviewer, AskForApproval, CollaborationMode, LegacyAppPathString, ModeKind,
    Personality, ReasoningEffort, ReasoningSummary, SandboxMode, SandboxPolicy, Settings as ModeSettings,
    ThreadForkParams, ThreadResumeParams, ThreadSettings, ThreadSettingsUpdateParams, ThreadStartParams,
    TurnStartParams,
};
use serde_json::Value;

use crate::error::CoreError;
use crate::models::ModelCatalog;

/// The base prompt, used unless a model, a file or a request brings another.
const BASE_INSTRUCTIONS: &str = include_str!("../prompts/base.md");
/// Added in plan mode when the mode brings no instructions of its own.
const PLAN_INSTRUCTIONS: &str = include_str!("../prompts/plan_mode.md");

/// The settings of a loaded thread. A turn runs on a copy, so that nothing changes under it.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) config: Arc<Config>,
    pub(crate) cwd: PathBuf,
    pub(crate) model: String,
    pub(crate) provider: Arc<ProviderConfig>,
    pub(crate) effort: Option<String>,
    /// `None` until somebody asks for one; the provider then decides.
    pub(crate) summary: Option<ReasoningSummary>,
    pub(crate) personality: Option<Personality>,
    pub(crate) approval_policy: AskForApproval,
    pub(crate) approvals_reviewer: ApprovalsReviewer,
    pub(crate) sandbox: SandboxPolicy,
    pub(crate) service_tier: Option<String>,
    pub(crate) mode: ModeKind,
    /// What the mode tells the model.
    pub(crate) mode_instructions: Option<Arc<str>>,
    pub(crate) base_instructions: Arc<str>,
    pub(crate) developer_instructions: Option<Arc<str>>,
    /// Read once, when the thread is loaded.
    pub(crate) docs: Arc<ProjectDocs>,
}

/// What a request to start, resume or fork a thread may set.
#[derive(Default)]
pub(crate) struct Overrides {
    pub(crate) model: Option<String>,
    pub(crate) model_provider: Option<String>,
    pub(crate) cwd: Option<String>,
    pub(crate) approval_policy: Option<AskForApproval>,
    pub(crate) approvals_reviewer: Option<ApprovalsReviewer>,
    pub(crate) sandbox: Option<SandboxMode>,
    pub(crate) config: Option<BTreeMap<String, Value>>,
    pub(crate) base_instructions: Option<String>,
    pub(crate) developer_instructions: Option<String>,
    pub(crate) personality: Option<Personality>,
    pub(crate) service_tier: Option<String>,
}

/// The requests name the same settings; their params are three types because the wire has three. What comes after the
/// type is its personality.
macro_rules! take_overrides {
    ($($params:ty, |$own:ident| $personality:expr;)*) => {$(
        impl From<&mut $params> for Overrides {
            fn from($own: &mut $params) -> Self {
                Overrides {
                    model: $own.model.take(),
                    model_provider: $own.model_provider.take(),
                    cwd: $own.cwd.take(),
                    approval_policy: $own.approval_policy.take(),
                    approvals_reviewer: $own.approvals_reviewer,
                    sandbox: $own.sandbox,
                    config: $own.config.take(),
                    base_instructions: $own.base_instructions.take(),
                    developer_instructions: $own.developer_instructions.take(),
                    personality: $personality,
                    service_tier: $own.service_tier.take(),
                }
            }
        }
    )*};
}

take_overrides! {
    ThreadStartParams, |params| params.personality;
    ThreadResumeParams, |params| params.personality;
    ThreadForkParams, |params| None;
}

/// What may change while a thread is loaded.
pub(crate) struct Changes {
    cwd: Option<String>,
    approval_policy: Option<AskForApproval>,
    approvals_reviewer: Option<ApprovalsReviewer>,
    sandbox_policy: Option<SandboxPolicy>,
    model: Option<String>,
    effort: Option<ReasoningEffort>,
    summary: Option<ReasoningSummary>,
    personality: Option<Personality>,
    service_tier: Option<String>,
    collaboration_mode: Option<CollaborationMode>,
}

/// As above: two types of params with the same settings.
macro_rules! take_changes {
    ($($params:ty),*) => {$(
        impl From<&mut $params> for Changes {
            fn from(params: &mut $params) -> Self {
                Changes {
                    cwd: params.cwd.take(),
                    approval_policy: params.approval_policy.take(),
                    approvals_reviewer: params.approvals_reviewer.take(),
                    sandbox_policy: params.sandbox_policy.take(),
                    model: params.model.take(),
                    effort: params.effort.take(),
                    summary: params.summary.take(),
                    personality: params.personality.take(),
                    service_tier: params.service_tier.take(),
                    collaboration_mode: params.collaboration_mode.take(),
                }
            }
        }
    )*};
}

take_changes!(TurnStartParams, ThreadSettingsUpdateParams);

impl Overrides {
    /// Settings of the request that nothing looks at.
    pub(crate) fn unknown_keys(&self) -> Vec<String> {
        let map = self.config.clone().unwrap_or_default().into_iter().collect();
        overrides::unknown_keys(&overrides::from_json(&map))
    }

    /// Whether the request chooses the model itself, so that the stored one does not count (wire specification 4.5).
    pub(crate) fn chooses_model(&self) -> bool {
        let in_config = |config: &BTreeMap<String, Value>| {
            config.iter().any(|(key, value)| key.starts_with("model") && !value.is_null())
        };
        self.model.is_some() || self.model_provider.is_some() || self.config.as_ref().is_some_and(in_config)
    }
}

impl Settings {
    /// Loads the configuration for the thread's folder and lays the request's overrides over it.
    ///
    /// # Errors
    /// When the configuration does not load or names what does not exist.
    pub(crate) fn load(
        loader: &ConfigLoader,
        mut request: Overrides,
        default_cwd: Option<&Path>,
    ) -> Result<Self, CoreError> {
        let own_cwd = loader.environment().working_dir();
        let cwd = match (request.cwd.take(), default_cwd) {
            // `join` keeps an absolute path as it is.
            (Some(cwd), _) => own_cwd.join(cwd),
            (None, Some(cwd)) => cwd.to_owned(),
            (None, None) => own_cwd.to_owned(),
        };
        let map = request.config.take().unwrap_or_default().into_iter().collect();
        let mut flags = overrides::from_json(&map);
        if let Some(provider) = request.model_provider.take() {
            flags.push(("model_provider".to_owned(), provider.into()));
        }
        let load = LoadRequest { cwd: Some(&cwd), overrides: &flags, ..LoadRequest::default() };
        let config = Arc::new(loader.load(&load)?);
        loader.keep_trust(&config.layers);
        let docs = Arc::new(project_docs(loader.codex_home(), &cwd, &config));
        let sandbox = match request.sandbox {
            Some(mode) => sandbox_policy(mode, &config.sandbox_workspace_write),
            None => configured_sandbox(&config),
        };
        let approval_policy =
            request.approval_policy.unwrap_or_else(|| wire_approval(config.approval_policy));
        check_approval(&config.requirements, &approval_policy)?;
        check_sandbox(&config.requirements, &sandbox)?;
        let base = request.base_instructions.or_else(|| config.base_instructions.clone());
        let developer = request.developer_instructions.or_else(|| config.developer_instructions.clone());
        Ok(Settings {
            model: request.model.unwrap_or_else(|| config.model_slug().to_owned()),
            provider: Arc::new(config.model_provider.clone()),
            effort: config.model_reasoning_effort.clone(),
            summary: Some(wire_summary(config.model_reasoning_summary))
                .filter(|summary| *summary != ReasoningSummary::Auto),
            personality: request.personality.or_else(|| config.personality.map(wire_personality)),
            approval_policy,
            approvals_reviewer: request.approvals_reviewer.unwrap_or(ApprovalsReviewer::User),
            sandbox,
            service_tier: request.service_tier.or_else(|| config.service_tier.clone()),
            mode: ModeKind::Default,
            mode_instructions: None,
            base_instructions: base.map_or_else(|| BASE_INSTRUCTIONS.into(), Arc::from),
            developer_instructions: developer.map(Arc::from),
            docs,
            cwd,
            config,
        })
    }

    /// Takes over what a turn, or a request between turns, sets for the turns that follow. Returns whether anything
    /// changed.
    ///
    /// # Errors
    /// When an administrator does not allow it; nothing is taken over then.
    pub(crate) fn apply(&mut self, changes: impl Into<Changes>) -> Result<bool, CoreError> {
        let before = self.wire();
        let changes = changes.into();
        let requirements = &self.config.requirements;
        changes.approval_policy.as_ref().map_or(Ok(()), |policy| check_approval(requirements, policy))?;
        changes.sandbox_policy.as_ref().map_or(Ok(()), |policy| check_sandbox(requirements, policy))?;
        if let Some(cwd) = changes.cwd {
            self.cwd = self.cwd.join(cwd);
        }
        if let Some(policy) = changes.approval_policy {
            self.approval_policy = policy;
        }
        if let Some(reviewer) = changes.approvals_reviewer {
            self.approvals_reviewer = reviewer;
        }
        if let Some(sandbox) = changes.sandbox_policy {
            self.sandbox = sandbox;
        }
        if let Some(model) = changes.model {
            self.model = model;
        }
        if let Some(effort) = changes.effort {
            self.effort = Some(effort.0);
        }
        if let Some(summary) = changes.summary {
            self.summary = Some(summary);
        }
        if let Some(personality) = changes.personality {
            self.personality = Some(personality);
        }
        if let Some(tier) = changes.service_tier {
            self.service_tier = Some(tier);
        }
        if let Some(CollaborationMode { mode, settings }) = changes.collaboration_mode {
            self.mode = mode;
            self.model = settings.model;
            self.effort = settings.reasoning_effort.map(|effort| effort.0).or_else(|| self.effort.take());
            let built_in = (mode == ModeKind::Plan).then_some(PLAN_INSTRUCTIONS);
            self.mode_instructions =
                settings.developer_instructions.map(Arc::from).or_else(|| built_in.map(Arc::from));
        }
        Ok(before != self.wire())
    }

    /// What is known of the model in use.
    pub(crate) fn model_info(&self, models: &ModelCatalog) -> ModelInfo {
        models.lookup(&self.config, &self.provider, &self.model)
    }

    /// The settings as the wire shows them.
    pub(crate) fn wire(&self) -> ThreadSettings {
        ThreadSettings {
            active_permission_profile: None,
            approval_policy: self.approval_policy.clone(),
            approvals_reviewer: self.approvals_reviewer,
            collaboration_mode: CollaborationMode {
                mode: self.mode,
                settings: ModeSettings {
                    developer_instructions: self.mode_instructions.as_deref().map(str::to_owned),
                    model: self.model.clone(),
                    reasoning_effort: self.wire_effort(),
                },
            },
            cwd: self.wire_cwd(),
            disabled_plugin_ids: Vec::new(),
            effort: self.wire_effort(),
            model: self.model.clone(),
            model_provider: self.provider.id.clone(),
            personality: self.personality,
            sandbox_policy: self.sandbox.clone(),
            service_tier: self.service_tier.clone(),
            summary: self.summary,
        }
    }

    pub(crate) fn wire_effort(&self) -> Option<ReasoningEffort> {
        self.effort.clone().map(ReasoningEffort)
    }

    pub(crate) fn wire_cwd(&self) -> AbsolutePathBuf {
        AbsolutePathBuf(self.cwd.to_string_lossy().into_owned())
    }

    /// The AGENTS.md files that count, in the order they were read.
    pub(crate) fn instruction_sources(&self) -> Vec<LegacyAppPathString> {
        let path = |path: &PathBuf| LegacyAppPathString(path.to_string_lossy().into_owned());
        self.docs.sources.iter().map(path).collect()
    }
}

/// Refuses what an administrator does not allow. A table of switches asks like `on-request`, and where a switch is off
/// it never asks.
pub(crate) fn check_approval(requirements: &Requirements, policy: &AskForApproval) -> Result<(), CoreError> {
    let words: &[ApprovalPolicy] = match policy {
        AskForApproval::Untrusted => &[ApprovalPolicy::Untrusted],
        AskForApproval::OnRequest => &[ApprovalPolicy::OnRequest],
        AskForApproval::OnFailure => &[ApprovalPolicy::OnFailure],
        AskForApproval::Never => &[ApprovalPolicy::Never],
        AskForApproval::Granular { mcp_elicitations: true, rules: true, sandbox_approval: true, .. } => {
            &[ApprovalPolicy::OnRequest]
        }
        AskForApproval::Granular { .. } => &[ApprovalPolicy::OnRequest, ApprovalPolicy::Never],
    };
    words.iter().try_for_each(|word| requirements.check_approval_policy(*word)).map_err(CoreError::Invalid)
}

/// Refuses what an administrator does not allow.
pub(crate) fn check_sandbox(requirements: &Requirements, policy: &SandboxPolicy) -> Result<(), CoreError> {
    let word = match policy {
        SandboxPolicy::ExternalSandbox { .. } => EXTERNAL_SANDBOX,
        other => sandbox_mode_of(other).as_str(),
    };
    requirements.check_sandbox(word).map_err(CoreError::Invalid)
}

fn sandbox_policy(mode: SandboxMode, workspace: &SandboxWorkspaceWrite) -> SandboxPolicy {
    match mode {
        SandboxMode::ReadOnly => SandboxPolicy::ReadOnly { network_access: false },
        SandboxMode::DangerFullAccess => SandboxPolicy::DangerFullAccess,
        SandboxMode::WorkspaceWrite => SandboxPolicy::WorkspaceWrite {
            exclude_slash_tmp: workspace.exclude_slash_tmp,
            exclude_tmpdir_env_var: workspace.exclude_tmpdir_env_var,
            network_access: workspace.network_access,
            writable_roots: workspace
                .writable_roots
                .iter()
                .map(|root| AbsolutePathBuf(root.to_string_lossy().into_owned()))
                .collect(),
        },
    }
}

/// The sandbox policy of a configuration.
pub(crate) fn configured_sandbox(config: &Config) -> SandboxPolicy {
    sandbox_policy(wire_sandbox(config.sandbox_mode), &config.sandbox_workspace_write)
}

/// The configuration's word for a policy, where defaults depend on it.
pub(crate) fn sandbox_mode_of(policy: &SandboxPolicy) -> ConfigSandbox {
    match policy {
        SandboxPolicy::ReadOnly { .. } => ConfigSandbox::ReadOnly,
        SandboxPolicy::WorkspaceWrite { .. } => ConfigSandbox::WorkspaceWrite,
        SandboxPolicy::DangerFullAccess | SandboxPolicy::ExternalSandbox { .. } => {
            ConfigSandbox::DangerFullAccess
        }
    }
}

// The configuration's words and the wire's are two types because the crates do not know each other.

fn wire_sandbox(mode: ConfigSandbox) -> SandboxMode {
    match mode {
        ConfigSandbox::ReadOnly => SandboxMode::ReadOnly,
        ConfigSandbox::WorkspaceWrite => SandboxMode::WorkspaceWrite,
        ConfigSandbox::DangerFullAccess => SandboxMode::DangerFullAccess,
    }
}

fn wire_approval(policy: ApprovalPolicy) -> AskForApproval {
    match policy {
        ApprovalPolicy::Untrusted => AskForApproval::Untrusted,
        ApprovalPolicy::OnFailure => AskForApproval::OnFailure,
        ApprovalPolicy::OnRequest => AskForApproval::OnRequest,
        ApprovalPolicy::Never => AskForApproval::Never,
    }
}

fn wire_summary(summary: app_server_config::ReasoningSummary) -> ReasoningSummary {
    match summary {
        app_server_config::ReasoningSummary::Auto => ReasoningSummary::Auto,
        app_server_config::ReasoningSummary::Concise => ReasoningSummary::Concise,
        app_server_config::ReasoningSummary::Detailed => ReasoningSummary::Detailed,
        app_server_config::ReasoningSummary::None => ReasoningSummary::None,
    }
}

fn wire_personality(personality: app_server_config::Personality) -> Personality {
    match personality {
        app_server_config::Personality::None => Personality::None,
        app_server_config::Personality::Friendly => Personality::Friendly,
        app_server_config::Personality::Pragmatic => Personality::Pragmatic,
    }
}
