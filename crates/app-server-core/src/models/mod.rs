//! What is known of models: built in, configured, told by their servers. A server is asked when a client wants a list, or
//! when an answer of it says that its list has changed; nobody waits for it longer than a moment, and nothing is asked by
//! itself.

mod cache;
mod list;
mod providers;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use app_server_config::models::ServerModels;
use app_server_config::{Config, ModelInfo, ProviderConfig, ProviderKind};
use app_server_model_client::{ModelError, ModelsAnswer};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

pub use list::list;
pub use providers::{capabilities, list as list_providers};

use crate::auth::{Credential, Rules};
use crate::clock::now_s;
use crate::endpoint::Endpoint;
use crate::services::Services;
use cache::Cached;

/// How long what a server said is taken for its present list, in seconds (config specification 7).
const FRESH_S: i64 = 300;
/// How long a list waits for the server.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a server that had no answer is left alone.
const PAUSE: Duration = Duration::from_secs(60);

/// The models of each provider.
#[derive(Default)]
pub(crate) struct ModelCatalog {
    known: Mutex<BTreeMap<Key, Known>>,
}

/// A provider: its id, and where its server is if that is configured.
type Key = (String, Option<String>);

/// What a provider's server has said.
#[derive(Default)]
struct Known {
    /// Whether what is kept on disk has been looked at.
    is_read: bool,
    server: Option<Arc<ServerModels>>,
    etag: Option<String>,
    /// Unix seconds; 0 for never.
    fetched_at: i64,
    failed_at: Option<Instant>,
    /// There while the server is being asked.
    asking: Option<watch::Receiver<()>>,
}

impl Known {
    fn is_fresh(&self) -> bool {
        let age = now_s().saturating_sub(self.fetched_at);
        // A clock that was set back does not keep a list for ever.
        (0..FRESH_S).contains(&age)
    }

    /// Whether the server had no answer a short time ago.
    fn is_left_alone(&self) -> bool {
        self.failed_at.is_some_and(|at| at.elapsed() < PAUSE)
    }
}

fn key_of(provider: &ProviderConfig) -> Key {
    (provider.id.clone(), provider.base_url.clone())
}

impl ModelCatalog {
    fn known(&self) -> MutexGuard<'_, BTreeMap<Key, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the provider's server has said of its models, as far as that is in memory.
    fn server(&self, provider: &ProviderConfig) -> Option<Arc<ServerModels>> {
        self.known().get(&key_of(provider))?.server.clone()
    }

    /// What is known of a model of this provider. Reads nothing.
    pub(crate) fn lookup(&self, config: &Config, provider: &ProviderConfig, slug: &str) -> ModelInfo {
        config.model_catalog.lookup_over(slug, self.server(provider).as_deref())
    }

    /// Takes over what an earlier session has kept of the server's list, unless that is done. Blocks on the disk.
    pub(crate) fn recall(&self, services: &Services, provider: &ProviderConfig) {
        if provider.kind != ProviderKind::Http
            || self.known().get(&key_of(provider)).is_some_and(|known| known.is_read)
        {
            return;
        }
        let cached = cache::read(&file_of(services, provider));
        let mut known = self.known();
        let known = known.entry(key_of(provider)).or_default();
        if std::mem::replace(&mut known.is_read, true) {
            return;
        }
        if let Some(Cached { server, etag, fetched_at }) = cached {
            known.server = Some(Arc::new(server));
            known.etag = etag;
            known.fetched_at = fetched_at;
        }
    }

    /// Takes the version a server named in an answer of another kind: the known one is fresh again, another is asked for.
    pub(crate) fn seen_etag(
        services: &Arc<Services>,
        config: &Config,
        provider: &ProviderConfig,
        etag: &str,
    ) {
        let is_news = {
            let mut known = services.models.known();
            let known = known.entry(key_of(provider)).or_default();
            let is_same = known.etag.as_deref() == Some(etag);
            if is_same {
                known.fetched_at = now_s();
            }
            !is_same && !known.is_left_alone()
        };
        if is_news && config.features.enabled("remote_models") {
            drop(Self::ask(services, config, provider));
        }
    }

    /// Brings the list up to date if it is old, or waits for a moment for whoever does so already.
    async fn refresh(services: &Arc<Services>, config: &Config, provider: &ProviderConfig) {
        let is_wanted = {
            let mut known = services.models.known();
            let known = known.entry(key_of(provider)).or_default();
            !known.is_fresh() && !known.is_left_alone()
        };
        if !is_wanted || provider.kind != ProviderKind::Http || !config.features.enabled("remote_models") {
            return;
        }
        let mut answered = Self::ask(services, config, provider);
        // The sender is dropped when there is an answer, or none.
        let _ = timeout(PATIENCE, answered.changed()).await;
    }

    /// Asks the server in a task of its own, unless that goes on already. What is returned ends with it.
    fn ask(services: &Arc<Services>, config: &Config, provider: &ProviderConfig) -> watch::Receiver<()> {
        let mut known = services.models.known();
        let known = known.entry(key_of(provider)).or_default();
        if let Some(asking) = &known.asking {
            return asking.clone();
        }
        let (done, asking) = watch::channel(());
        known.asking = Some(asking.clone());
        let (services, provider, rules) = (Arc::clone(services), provider.clone(), Rules::of(config));
        let etag = known.etag.clone();
        tokio::spawn(async move {
            let answer = tokio::select! {
                answer = fetch(&services, &provider, &rules, etag.as_deref()) => answer,
                () = services.closing.cancelled() => Err(ModelError::cancelled()),
            };
            services.models.take(&services, &provider, answer).await;
            drop(done);
        });
        asking
    }

    /// Takes what the server said; a list that is news is kept on disk.
    async fn take(
        &self,
        services: &Arc<Services>,
        provider: &ProviderConfig,
        answer: Result<ModelsAnswer, ModelError>,
    ) {
        let (etag, body) = match answer {
            Ok(ModelsAnswer::List { etag, body }) => (etag, body),
            Ok(ModelsAnswer::Unchanged) => {
                return self.finished(provider, |known| known.fetched_at = now_s());
            }
            Err(error) => {
                tracing::debug!(%error, provider = provider.id, "no list of models");
                return self.finished(provider, |known| known.failed_at = Some(Instant::now()));
            }
        };
        let said = ServerModels::parse(&body).filter(|said| is_of_use(said, provider));
        let Some(said) = said else {
            tracing::debug!(provider = provider.id, "a list of models that is not understood");
            return self.finished(provider, |known| known.failed_at = Some(Instant::now()));
        };
        let fetched_at = now_s();
        let file = file_of(services, provider);
        let kept = etag.clone();
        let written =
            tokio::task::spawn_blocking(move || cache::write(&file, &body, kept.as_deref(), fetched_at));
        if let Ok(Err(error)) = written.await {
            tracing::debug!(%error, "a list of models is not kept");
        }
        self.finished(provider, |known| {
            known.server = Some(Arc::new(said));
            known.etag = etag;
            known.fetched_at = fetched_at;
        });
    }

    fn finished(&self, provider: &ProviderConfig, change: impl FnOnce(&mut Known)) {
        let mut known = self.known();
        let known = known.entry(key_of(provider)).or_default();
        known.is_read = true;
        known.asking = None;
        known.failed_at = None;
        change(known);
    }
}

/// The platform lists ids of everything it has, which is no list for a choice.
fn is_of_use(said: &ServerModels, provider: &ProviderConfig) -> bool {
    matches!(said, ServerModels::Metadata(_)) || !provider.is_builtin_openai()
}

async fn fetch(
    services: &Services,
    provider: &ProviderConfig,
    rules: &Rules,
    etag: Option<&str>,
) -> Result<ModelsAnswer, ModelError> {
    let endpoint = Endpoint::of(services, provider, rules, None).await?;
    let is_account = endpoint.credential.as_ref().is_some_and(Credential::is_account);
    if provider.is_builtin_openai() && provider.base_url.is_none() && !is_account {
        // With a key, or nobody signed in, there is nothing to be had there.
        return Err(ModelError::invalid_provider("only accounts have a list of models"));
    }
    let headers = endpoint.headers(&services.client);
    services.model.models(&endpoint.provider, &headers, etag).await
}

/// Where the list is kept. That of the built-in provider is the reference's own file; the others are our cache.
fn file_of(services: &Services, provider: &ProviderConfig) -> PathBuf {
    let home = services.config.codex_home();
    if provider.is_builtin_openai() {
        return home.join("models_cache.json");
    }
    let base = provider.base_url.as_deref().unwrap_or_default();
    let name = cache::file_name(&format!("{}\n{base}", provider.id));
    home.join("app-server").join("models").join(name)
}
