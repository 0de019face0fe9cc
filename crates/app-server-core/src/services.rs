//! What every thread of a session shares: configuration, stored threads, the model client, the way to the client.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use app_server_config::ConfigLoader;
use app_server_http::HttpClient;
use app_server_model_client::{ModelClient, OfflineScript};
use app_server_protocol::ServerNotification;
use app_server_protocol::v2::ConfigWarningNotification;
use app_server_rollout::Store;
use app_server_sandbox::{Launcher, RepositoryCache};
use tokio_util::sync::CancellationToken;

use crate::agents::Agents;
use crate::aliases::Aliases;
use crate::auth::{Accounts, ProviderKeys};
use crate::config_store::ConfigStore;
use crate::files::Files;
use crate::hooks::HookRunner;
use crate::host::Host;
use crate::logs::LogRing;
use crate::mcp::McpHub;
use crate::models::ModelCatalog;
use crate::notify::Notifier;
use crate::processes::Processes;
use crate::rate_limits::KnownLimits;
use crate::searches::Searches;
use crate::secrets::{KnownSecrets, Secrets};
use crate::skills::SkillsCatalogue;

/// Who is connected, known from `initialize` on.
#[derive(Debug, Clone)]
pub struct Client {
    /// Sent as the `originator` header and stored with new threads.
    pub originator: String,
    /// Sent as the `user-agent` header.
    pub user_agent: String,
}

/// Shared by all threads; made once per session.
#[allow(dead_code, reason = "the capabilities behind some fields are not written yet")]
pub struct Services {
    /// Loads the configuration anew for every thread.
    pub config: ConfigLoader,
    /// The stored threads.
    pub store: Store,
    /// The way to the network.
    pub(crate) http: HttpClient,
    /// The connections to model APIs.
    pub model: ModelClient,
    /// The way to the client.
    pub host: Arc<dyn Host>,
    /// Who is connected.
    pub client: Client,
    /// The program's version, stored with new threads.
    pub version: &'static str,
    pub(crate) accounts: Arc<Accounts>,
    /// Starts commands.
    pub(crate) launcher: Launcher,
    /// Repositories below writable folders.
    pub(crate) repositories: RepositoryCache,
    pub(crate) aliases: Aliases,
    pub(crate) agents: Agents,
    known_secrets: Arc<KnownSecrets>,
    /// Whether the client has been told what the sandbox lacks on this system.
    sandbox_is_told: AtomicBool,
    pub(crate) rate_limits: Mutex<KnownLimits>,
    pub(crate) config_store: ConfigStore,
    pub(crate) models: ModelCatalog,
    /// Of providers whose key a program prints.
    pub(crate) provider_keys: ProviderKeys,
    pub(crate) mcp: McpHub,
    pub(crate) skills: SkillsCatalogue,
    pub(crate) notifier: Notifier,
    pub(crate) hooks: HookRunner,
    pub(crate) processes: Processes,
    pub(crate) files: Files,
    pub(crate) searches: Arc<Searches>,
    pub(crate) logs: Arc<LogRing>,
    /// Cancelled when the session ends: whoever answers a request then does so at once.
    pub(crate) closing: CancellationToken,
    /// Held by the search that is worked on.
    pub(crate) searching: Mutex<()>,
    /// The script of the offline provider: one per process, so that threads take turns with its answers.
    pub(crate) offline_script: Mutex<Option<OfflineScript>>,
}

impl Services {
    /// Puts the services of a session together; nothing is read or connected yet.
    pub fn new(
        config: ConfigLoader,
        http: HttpClient,
        host: Arc<dyn Host>,
        client: Client,
        version: &'static str,
        launcher: Launcher,
        known_secrets: Arc<KnownSecrets>,
    ) -> Self {
        let store = Store::new(config.codex_home());
        let aliases = Aliases::new(config.codex_home());
        let accounts = Arc::new(Accounts::new(
            &config,
            http.clone(),
            Arc::clone(&host),
            &client,
            Arc::clone(&known_secrets),
        ));
        Services {
            files: Files::new(Arc::clone(&host)),
            searches: Arc::new(Searches::new(Arc::clone(&host), config.environment().working_dir())),
            launcher,
            repositories: RepositoryCache::default(),
            aliases,
            agents: Agents::default(),
            known_secrets,
            sandbox_is_told: AtomicBool::new(false),
            config,
            store,
            model: ModelClient::new(http.clone()),
            http,
            host,
            client,
            version,
            accounts,
            rate_limits: Mutex::default(),
            config_store: ConfigStore::default(),
            models: ModelCatalog::default(),
            provider_keys: ProviderKeys::default(),
            mcp: McpHub::default(),
            skills: SkillsCatalogue::default(),
            notifier: Notifier::default(),
            hooks: HookRunner::default(),
            processes: Processes::default(),
            logs: Arc::default(),
            closing: CancellationToken::new(),
            searching: Mutex::default(),
            offline_script: Mutex::new(None),
        }
    }

    /// Takes the log that feedback is to have.
    #[must_use]
    pub fn with_logs(mut self, logs: Arc<LogRing>) -> Self {
        self.logs = logs;
        self
    }

    /// Tells the client once if this system's sandbox is weaker than it could be. The looking takes a process, so it is
    /// done aside, when the first thread needs a sandbox.
    pub(crate) fn tell_of_sandbox(self: &Arc<Self>) {
        if self.sandbox_is_told.swap(true, Ordering::Relaxed) {
            return;
        }
        let services = Arc::clone(self);
        tokio::spawn(async move {
            let missing = services.launcher.capabilities().await.missing();
            if !missing.is_empty() {
                services.host.notify(ServerNotification::ConfigWarning(ConfigWarningNotification {
                    details: Some(missing.join("\n")),
                    path: None,
                    range: None,
                    summary: "Commands are less confined on this system than they could be.".to_owned(),
                }));
            }
        });
    }

    /// Waits, at the end of the session, for what must not be cut short or must still be answered.
    pub async fn settle(&self) {
        self.closing.cancel();
        self.processes.end().await;
        self.hooks.end().await;
        self.mcp.end().await;
        self.accounts.settle().await;
        self.notifier.end().await;
    }

    /// Takes the key of a provider for a secret from now on.
    pub(crate) fn learn_secret(&self, value: &str) {
        self.known_secrets.learn([value]);
    }

    /// The keeper of those values, for whoever must know them as they change.
    pub(crate) fn known_secrets(&self) -> Arc<KnownSecrets> {
        Arc::clone(&self.known_secrets)
    }

    /// The values that must not get to the client, the model or the disk.
    pub(crate) fn secrets(&self) -> Secrets {
        self.known_secrets.get()
    }
}
