//! Where a request to a model's server goes, and what it is signed with: the provider's own key, what a program of the
//! user's prints, or who is signed in.

use std::path::Path;
use std::sync::PoisonError;

use app_server_config::{ProviderConfig, ProviderKind as ConfiguredKind};
use app_server_http::Secret;
use app_server_model_client::{ModelError, OfflineScript, Provider, ProviderKind, RequestHeaders, Wire};

use crate::auth::{Credential, Rules};
use crate::services::{Client, Services};

/// One provider, ready for a request.
pub(crate) struct Endpoint {
    pub(crate) provider: Provider,
    /// The provider's own key, which wins over the credential.
    key: Option<Secret>,
    /// Whether the key was printed by a program, which can be asked for another.
    has_printed_key: bool,
    pub(crate) credential: Option<Credential>,
}

impl Endpoint {
    /// Finds out where requests go and with which credential. `refused` is a printed key that the server did not take:
    /// the program is run again then.
    ///
    /// # Errors
    /// When there is no key where there should be one, or the script of an offline provider cannot be played.
    pub(crate) async fn of(
        services: &Services,
        configured: &ProviderConfig,
        rules: &Rules,
        refused: Option<&Secret>,
    ) -> Result<Self, ModelError> {
        let environment = services.config.environment();
        let key = match &configured.auth {
            Some(program) => Some(services.provider_keys.get(services, configured, program, refused).await?),
            None => configured
                .api_key(environment)
                .map_err(|missing| ModelError::missing_key(&missing.var, missing.instructions.as_deref()))?
                .map(Secret::new),
        };
        if let Some(key) = &key {
            services.learn_secret(key.expose());
        }
        let credential = match key {
            None if configured.requires_openai_auth => services.accounts.for_request(rules).await,
            _ => None,
        };
        let is_account = credential.as_ref().is_some_and(Credential::is_account);
        let kind = match &configured.kind {
            ConfiguredKind::Http => ProviderKind::Http,
            ConfiguredKind::Offline { script } => {
                ProviderKind::Offline(offline_script(services, script.as_deref())?)
            }
        };
        let mut headers = configured.resolve_headers(environment);
        if configured.is_builtin_openai() {
            headers.push(("version".to_owned(), services.version.to_owned()));
        }
        let pair = |(key, value): (&String, &String)| (key.clone(), value.clone());
        let provider = Provider {
            id: configured.id.clone(),
            name: configured.name.clone(),
            wire: if configured.is_chat() { Wire::Chat } else { Wire::Responses },
            base_url: configured.base_url(is_account).to_owned(),
            query_params: configured.query_params.iter().map(pair).collect(),
            headers,
            request_max_retries: configured.request_max_retries,
            stream_max_retries: configured.stream_max_retries,
            stream_idle_timeout_ms: configured.stream_idle_timeout_ms,
            kind,
        };
        Ok(Endpoint { provider, key, has_printed_key: configured.auth.is_some(), credential })
    }

    /// The key, if a program printed it.
    pub(crate) fn printed_key(&self) -> Option<&Secret> {
        self.key.as_ref().filter(|_| self.has_printed_key)
    }

    /// The headers of every request, whatever it is about.
    pub(crate) fn headers(&self, client: &Client) -> RequestHeaders {
        let credential = self.credential.as_ref();
        let bearer = self.key.as_ref().or_else(|| credential.and_then(Credential::bearer));
        RequestHeaders {
            bearer: bearer.cloned(),
            account_id: credential.and_then(Credential::account_id).map(str::to_owned),
            is_fedramp: credential.is_some_and(Credential::is_fedramp),
            originator: client.originator.clone(),
            user_agent: client.user_agent.clone(),
            ..RequestHeaders::default()
        }
    }
}

/// The script of the offline provider, read once and played on by all threads.
fn offline_script(services: &Services, path: Option<&Path>) -> Result<OfflineScript, ModelError> {
    let mut script = services.offline_script.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(script) = &*script {
        return Ok(script.clone());
    }
    let loaded = match path {
        None => OfflineScript::builtin(),
        Some(path) => {
            let problem = |reason: String| {
                ModelError::invalid_provider(format!("cannot play the script {}: {reason}", path.display()))
            };
            let text = std::fs::read_to_string(path).map_err(|error| problem(error.to_string()))?;
            OfflineScript::parse(&text).map_err(|error| problem(error.to_string()))?
        }
    };
    *script = Some(loaded.clone());
    Ok(loaded)
}
