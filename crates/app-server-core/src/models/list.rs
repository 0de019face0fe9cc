//! `model/list`: the models of a provider as they can be offered for choice (wire specification 14).

use std::sync::Arc;

use app_server_config::{Config, ModelInfo, ProviderConfig};
use app_server_protocol::v2::{
    InputModality, Model, ModelListParams, ModelListResponse, ModelUpgradeInfo, ReasoningEffort,
    ReasoningEffortOption,
};

use super::ModelCatalog;
use crate::account;
use crate::auth::{Credential, Rules};
use crate::error::CoreError;
use crate::pages::Offset;
use crate::services::Services;

/// Answers with what is known, after giving the provider's server a moment to say what is new.
///
/// # Errors
/// `Invalid` for a cursor that is none of ours and for a provider that is not configured.
pub async fn list(services: Arc<Services>, params: ModelListParams) -> Result<ModelListResponse, CoreError> {
    // A wrong cursor is known without asking anybody.
    let offset = Offset::parse(params.cursor.as_deref())?;
    let (config, provider) = recalled(&services, params.model_provider).await?;
    ModelCatalog::refresh(&services, &config, &provider).await;
    let credential = match provider.requires_openai_auth {
        true => services.accounts.for_request(&Rules::of(&config)).await,
        false => None,
    };
    let has_key_only = matches!(credential, Some(Credential::ApiKey(_)));
    let catalog = match services.models.server(&provider) {
        // A server of another's is asked for what it has, not for what else there is in the world.
        Some(said) => config.model_catalog.overlaid(&said, provider.is_builtin_openai()),
        None => (*config.model_catalog).clone(),
    };
    let is_shown = |model: &&ModelInfo| !model.hidden && (model.supported_in_api || !has_key_only);
    let default = catalog.models().iter().find(is_shown).map(|model| model.slug.clone());
    let all = params.include_hidden.unwrap_or(false);
    let models: Vec<Model> = catalog
        .models()
        .iter()
        .filter(|model| all || is_shown(model))
        .map(|model| wire(model, !is_shown(&model), default.as_deref() == Some(&model.slug)))
        .collect();
    let (data, next_cursor) = offset.page(models, params.limit);
    Ok(ModelListResponse { data, next_cursor })
}

/// The configuration, and the provider with what is kept of its list.
async fn recalled(
    services: &Arc<Services>,
    id: Option<String>,
) -> Result<(Config, ProviderConfig), CoreError> {
    let services = Arc::clone(services);
    let work = tokio::task::spawn_blocking(move || {
        let config = account::config(&services)?;
        let provider = match id {
            None => config.model_provider.clone(),
            Some(id) => match config.model_providers.get(&id) {
                Some(provider) => provider.clone(),
                None => return Err(CoreError::Invalid(format!("unknown model provider `{id}`"))),
            },
        };
        services.models.recall(&services, &provider);
        Ok((config, provider))
    });
    work.await.map_err(|error| CoreError::Internal(error.to_string()))?
}

fn wire(model: &ModelInfo, hidden: bool, is_default: bool) -> Model {
    let effort = |effort: &str| ReasoningEffort(effort.to_owned());
    let upgrade_info = model.upgrade.as_ref().map(|slug| ModelUpgradeInfo {
        migration_markdown: None,
        model: slug.clone(),
        model_link: None,
        retirement_at: None,
        upgrade_copy: None,
    });
    let input_modalities = match model.supports_images {
        true => vec![InputModality::Text, InputModality::Image],
        false => vec![InputModality::Text],
    };
    Model {
        additional_speed_tiers: Vec::new(),
        availability_nux: None,
        available_access_programs: None,
        // A model of which no effort is known is not asked for one.
        default_reasoning_effort: effort(model.default_reasoning_effort.as_deref().unwrap_or("none")),
        default_service_tier: None,
        description: model.description.clone(),
        display_name: model.display_name.clone(),
        hidden,
        id: model.slug.clone(),
        input_modalities,
        is_default,
        model: model.slug.clone(),
        model_specialty: None,
        multi_agent_version: None,
        service_tiers: Vec::new(),
        supported_reasoning_efforts: model
            .reasoning_efforts
            .iter()
            .map(|level| ReasoningEffortOption {
                description: level.description.clone(),
                reasoning_effort: effort(&level.effort),
            })
            .collect(),
        supports_personality: false,
        upgrade: model.upgrade.clone(),
        upgrade_info,
    }
}
