//! What may be switched and what is allowed: features, permission profiles, an administrator's requirements.

use std::collections::BTreeMap;
use std::path::Path;

use app_server_config::{
    ApprovalPolicy, Config, Feature, FeatureStage, ForcedLoginMethod as ConfigLogin, LoadRequest,
    Requirements, SandboxMode as ConfigSandbox, features,
};
use app_server_protocol::v2::{
    AskForApproval, ConfigRequirements, ConfigRequirementsReadResponse, ExperimentalFeature,
    ExperimentalFeatureEnablementSetParams, ExperimentalFeatureEnablementSetResponse,
    ExperimentalFeatureListParams, ExperimentalFeatureListResponse, ExperimentalFeatureStage,
    ForcedLoginMethod, PermissionProfileListParams, PermissionProfileListResponse, PermissionProfileSummary,
    SandboxMode,
};

use crate::error::CoreError;
use crate::pages::Offset;
use crate::services::Services;
use crate::thread;

/// The built-in permission profiles, with the sandbox each stands for.
const PROFILES: [(&str, ConfigSandbox); 3] = [
    (":read-only", ConfigSandbox::ReadOnly),
    (":workspace", ConfigSandbox::WorkspaceWrite),
    (":danger-full-access", ConfigSandbox::DangerFullAccess),
];

/// Lists the feature switches, as they stand for a loaded thread or for new ones.
///
/// # Errors
/// When the cursor is none of ours, the thread is not loaded, or the configuration does not load.
pub async fn list(
    services: &Services,
    params: ExperimentalFeatureListParams,
) -> Result<ExperimentalFeatureListResponse, CoreError> {
    let all = match &params.thread_id {
        Some(id) => thread::config_of(services, id).await?.0.features.all(),
        None => load(services, None)?.features.all(),
    };
    let (data, next_cursor) = Offset::parse(params.cursor.as_deref())?.page(all, params.limit);
    Ok(ExperimentalFeatureListResponse { data: data.into_iter().map(shown).collect(), next_cursor })
}

/// Switches features for as long as this process runs, for threads that are loaded from now on. Names that are not known
/// or have no effect any more are left out.
pub fn set_enablement(
    services: &Services,
    params: ExperimentalFeatureEnablementSetParams,
) -> ExperimentalFeatureEnablementSetResponse {
    let has_effect =
        |name: &str| features::stage_of(name).is_some_and(|stage| stage != FeatureStage::Removed);
    let enablement: BTreeMap<String, bool> =
        params.enablement.into_iter().filter(|(name, _)| has_effect(name)).collect();
    services.config.switch_features(&enablement);
    ExperimentalFeatureEnablementSetResponse { enablement }
}

/// Lists the permission profiles: the built-in ones, then those of the configuration, which are not applied yet.
///
/// # Errors
/// When the cursor is none of ours or the configuration does not load.
pub fn permission_profiles(
    services: &Services,
    params: &PermissionProfileListParams,
) -> Result<PermissionProfileListResponse, CoreError> {
    let cwd = params.cwd.as_ref().map(|cwd| services.config.environment().working_dir().join(cwd));
    let config = load(services, cwd.as_deref())?;
    let built_in = PROFILES.iter().map(|(id, mode)| PermissionProfileSummary {
        allowed: config.requirements.check_sandbox(mode.as_str()).is_ok(),
        description: None,
        id: (*id).to_owned(),
    });
    let tables = config.merged.get("permissions").and_then(|table| table.as_table());
    let own =
        tables.into_iter().flatten().filter(|(_, value)| value.is_table()).map(|(name, _)| {
            PermissionProfileSummary { allowed: false, description: None, id: name.clone() }
        });
    let (data, next_cursor) =
        Offset::parse(params.cursor.as_deref())?.page(built_in.chain(own).collect(), params.limit);
    Ok(PermissionProfileListResponse { data, next_cursor })
}

/// Returns what an administrator requires.
///
/// # Errors
/// When a file of the machine does not parse.
pub fn requirements(services: &Services) -> Result<ConfigRequirementsReadResponse, CoreError> {
    let requirements =
        services.config.requirements().map_err(|error| CoreError::Internal(error.to_string()))?;
    Ok(ConfigRequirementsReadResponse {
        requirements: (!requirements.is_empty()).then(|| wire_requirements(&requirements)),
        supports_independent_speed_modes: None,
    })
}

fn load(services: &Services, cwd: Option<&Path>) -> Result<Config, CoreError> {
    Ok(services.config.load(&LoadRequest { cwd, ..LoadRequest::default() })?)
}

fn shown(feature: Feature) -> ExperimentalFeature {
    ExperimentalFeature {
        announcement: None,
        default_enabled: feature.default_enabled,
        description: None,
        display_name: None,
        enabled: feature.enabled,
        name: feature.name,
        stage: match feature.stage {
            FeatureStage::Stable => ExperimentalFeatureStage::Stable,
            FeatureStage::UnderDevelopment => ExperimentalFeatureStage::UnderDevelopment,
            FeatureStage::Deprecated => ExperimentalFeatureStage::Deprecated,
            FeatureStage::Removed => ExperimentalFeatureStage::Removed,
        },
    }
}

fn wire_requirements(requirements: &Requirements) -> ConfigRequirements {
    let policy = |policy: &ApprovalPolicy| match policy {
        ApprovalPolicy::Untrusted => AskForApproval::Untrusted,
        ApprovalPolicy::OnFailure => AskForApproval::OnFailure,
        ApprovalPolicy::OnRequest => AskForApproval::OnRequest,
        ApprovalPolicy::Never => AskForApproval::Never,
    };
    // The wire has no word for sandboxes of others here.
    let mode = |word: &str| match word {
        "read-only" => Some(SandboxMode::ReadOnly),
        "workspace-write" => Some(SandboxMode::WorkspaceWrite),
        "danger-full-access" => Some(SandboxMode::DangerFullAccess),
        _ => None,
    };
    let login = |method: &ConfigLogin| match method {
        ConfigLogin::Chatgpt => ForcedLoginMethod::Chatgpt,
        ConfigLogin::Api => ForcedLoginMethod::Api,
    };
    ConfigRequirements {
        allowed_approval_policies: requirements
            .approval_policies
            .as_ref()
            .map(|allowed| allowed.values.iter().map(policy).collect()),
        allowed_sandbox_modes: requirements
            .sandbox_modes
            .as_ref()
            .map(|allowed| allowed.values.iter().filter_map(|word| mode(word)).collect()),
        allowed_login_methods: requirements
            .login_methods
            .as_ref()
            .map(|allowed| allowed.values.iter().map(login).collect()),
        ..ConfigRequirements::default()
    }
}
