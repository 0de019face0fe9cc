//! `modelProvider/*`: the providers there are, and what the configured one does itself.

use app_server_config::providers::OPENAI;
use app_server_config::{LayerSource, ProviderConfig, WebSearchMode};
use app_server_protocol::v2::{
    GatewayAuth, ModelProviderCapabilitiesReadResponse, ModelProviderListResponse, ModelProviderSummary,
    ProviderSettings,
};

use crate::account;
use crate::error::CoreError;
use crate::services::Services;

/// Lists the built-in provider and those the configuration has a table for, by id; the other built-in ones are there
/// when they are used, and are no choice anybody has made (observed).
///
/// # Errors
/// When neither the configuration nor its defaults load.
pub fn list(services: &Services) -> Result<ModelProviderListResponse, CoreError> {
    let config = account::config(services)?;
    let is_in = |table: &toml::Table, id: &str| {
        let tables = table.get("model_providers").and_then(|tables| tables.as_table());
        tables.is_some_and(|tables| tables.contains_key(id))
    };
    let is_users = |id: &str| config.layers.user().is_some_and(|user| is_in(&user.table, id));
    let is_chosen = |id: &str| id == OPENAI || id == config.model_provider_id || is_in(&config.merged, id);
    let data = config
        .model_providers
        .values()
        .filter(|provider| is_chosen(&provider.id))
        .map(|provider| ModelProviderSummary {
            base_url: provider.base_url.clone(),
            can_edit: provider.id != OPENAI && is_users(&provider.id),
            id: provider.id.clone(),
            name: provider.name.clone(),
            settings: settings(provider),
        })
        .collect();
    let is_managed = config
        .layers
        .origin_of(&["model_provider"])
        .is_some_and(|layer| matches!(layer.source, LayerSource::LegacyManaged { .. }));
    Ok(ModelProviderListResponse {
        can_change_default: !is_managed,
        data,
        default_provider_id: config.model_provider_id.clone(),
    })
}

fn settings(provider: &ProviderConfig) -> ProviderSettings {
    if provider.is_builtin_openai() {
        return ProviderSettings::Openai;
    }
    let auth = match &provider.env_key {
        Some(env_key) => GatewayAuth::EnvironmentVariable { env_key: env_key.clone() },
        None if provider.experimental_bearer_token.is_some()
            || provider.auth.is_some()
            || provider.requires_openai_auth =>
        {
            GatewayAuth::ExternallyConfigured { env_key: None }
        }
        None => GatewayAuth::None,
    };
    ProviderSettings::CustomGateway { auth }
}

/// Tells which tools the configured provider runs itself. Pictures it makes are taken, but none is offered.
///
/// # Errors
/// When neither the configuration nor its defaults load.
pub fn capabilities(services: &Services) -> Result<ModelProviderCapabilitiesReadResponse, CoreError> {
    let config = account::config(services)?;
    let is_searching = config.web_search_mode(config.sandbox_mode) != WebSearchMode::Disabled;
    Ok(ModelProviderCapabilitiesReadResponse {
        image_generation: false,
        web_search: is_searching && !config.model_provider.is_chat(),
    })
}
