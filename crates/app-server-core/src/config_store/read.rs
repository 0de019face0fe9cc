//! What clients see of the configuration: the merged settings, where each comes from, and the layers.

use std::path::Path;

use app_server_config::layers::table_to_json;
use app_server_config::load::checked_table;
use app_server_config::secret_values::secret_values;
use app_server_config::{ConfigError, Layer, LayerSource, Layers, LoadRequest};
use app_server_protocol::v2::{
    AbsolutePathBuf, Config, ConfigLayer, ConfigLayerMetadata, ConfigLayerSource, ConfigReadParams,
    ConfigReadResponse,
};
use serde_json::{Map, Value, json};

use crate::CoreError;
use crate::secrets::Secrets;
use crate::services::Services;

/// Reads the layers as they are now. Without a folder there are none of projects.
pub(super) fn read(services: &Services, params: &ConfigReadParams) -> Result<ConfigReadResponse, CoreError> {
    let failed =
        |error: ConfigError| CoreError::Internal(format!("failed to read configuration layers: {error}"));
    // `join` keeps an absolute path as it is.
    let cwd = params.cwd.as_ref().map(|cwd| services.config.environment().working_dir().join(cwd));
    let request = LoadRequest { cwd: cwd.as_deref(), ..LoadRequest::default() };
    let layers = services.config.layers(&request).map_err(failed)?;
    let merged = checked_table(&layers).map_err(failed)?;
    learn(services, &layers);
    let secrets = services.secrets();
    let origins = layers.origins();
    Ok(ConfigReadResponse {
        config: settings(masked(table_to_json(&merged), &secrets)),
        layers: params.include_layers.then(|| layers.iter().rev().map(|it| shown(it, &secrets)).collect()),
        origins: origins.into_iter().map(|(key, layer)| (key, metadata(layer))).collect(),
    })
}

/// Takes the keys and tokens that the files hold now for secrets.
pub(super) fn learn_secrets(services: &Services) {
    if let Ok(layers) = services.config.layers(&LoadRequest::default()) {
        learn(services, &layers);
    }
}

/// Takes the keys and tokens of these layers for secrets.
pub(super) fn learn(services: &Services, layers: &Layers) {
    let values = layers.iter().flat_map(|layer| secret_values(&layer.table));
    services.known_secrets().learn(values);
}

fn masked(value: Value, secrets: &Secrets) -> Value {
    match value {
        Value::String(text) => Value::String(secrets.mask(&text).into_owned()),
        Value::Array(items) => items.into_iter().map(|item| masked(item, secrets)).collect(),
        Value::Object(members) => {
            members.into_iter().map(|(key, value)| (key, masked(value, secrets))).collect()
        }
        other => other,
    }
}

fn shown(layer: &Layer, secrets: &Secrets) -> ConfigLayer {
    let ConfigLayerMetadata { name, version } = metadata(layer);
    ConfigLayer {
        config: masked(table_to_json(&layer.table), secrets),
        disabled_reason: layer.disabled_reason.clone(),
        name,
        version,
    }
}

/// A layer's name and version for the wire.
pub(super) fn metadata(layer: &Layer) -> ConfigLayerMetadata {
    let path = |path: &Path| AbsolutePathBuf(path.to_string_lossy().into_owned());
    let name = match &layer.source {
        LayerSource::System { file } => ConfigLayerSource::System { file: path(file) },
        LayerSource::User { file, profile } => {
            ConfigLayerSource::User { file: path(file), profile: profile.clone() }
        }
        LayerSource::Project { dot_codex_folder } => {
            ConfigLayerSource::Project { dot_codex_folder: path(dot_codex_folder) }
        }
        LayerSource::SessionFlags => ConfigLayerSource::SessionFlags,
        LayerSource::LegacyManaged { file } => {
            ConfigLayerSource::LegacyManagedConfigTomlFromFile { file: path(file) }
        }
    };
    ConfigLayerMetadata { name, version: layer.version().to_owned() }
}

/// Brings merged settings into the form of the wire. Keys the wire has no type for stay as they stand in the file; a
/// value that does not fit its type becomes null, since what the product loads it must also show.
fn settings(merged: Value) -> Config {
    let Value::Object(mut members) = merged else { return Config::default() };
    // Clients expect these two whether they are set or not.
    members.entry("profile").or_insert(Value::Null);
    members.entry("profiles").or_insert_with(|| Value::Object(Map::new()));
    // The January form is a switch, for which today's type has no place.
    if let Some(search) = members.get_mut("tools").and_then(|tools| tools.get_mut("web_search"))
        && !search.is_object()
    {
        *search = Value::Null;
    }
    for (key, value) in &mut members {
        if serde_json::from_value::<Config>(json!({ key: &*value })).is_err() {
            *value = Value::Null;
        }
    }
    serde_json::from_value(Value::Object(members)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn settings_take_the_form_of_the_wire() {
        let config = settings(json!({
            "model": "m",
            "approval_policy": "on-failure",
            "sandbox_mode": "workspace-write",
            "sandbox_workspace_write": {"network_access": true},
            "tools": {"web_search": true, "view_image": true},
            "model_context_window": "many",
            "model_providers": {"x": {"name": "X"}},
            "made_up": [1],
        }));
        let shown = serde_json::to_value(config).unwrap();
        let expected = [
            ("model", json!("m")),
            ("approval_policy", json!("on-request")),
            ("sandbox_mode", json!("workspace-write")),
            (
                "sandbox_workspace_write",
                json!({
                    "network_access": true,
                    "writable_roots": [],
                    "exclude_tmpdir_env_var": false,
                    "exclude_slash_tmp": false,
                }),
            ),
            ("tools", json!({"web_search": null})),
            ("model_context_window", Value::Null),
            ("model_providers", json!({"x": {"name": "X"}})),
            ("made_up", json!([1])),
            ("profile", Value::Null),
            ("profiles", json!({})),
            ("review_model", Value::Null),
        ];
        for (key, value) in expected {
            assert_eq!(shown.get(key), Some(&value), "{key}");
        }
    }

    #[test]
    fn a_granular_policy_is_shown_as_it_stands() {
        let granular =
            json!({"granular": {"mcp_elicitations": true, "rules": true, "sandbox_approval": false}});
        let shown = serde_json::to_value(settings(json!({"approval_policy": granular}))).unwrap();
        assert_eq!(shown["approval_policy"]["granular"]["sandbox_approval"], json!(false));
    }
}
