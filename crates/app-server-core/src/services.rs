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

use crate::agents::Agents;
use crate::aliases::Aliases;
use crate::auth::Accounts;
use crate::host::Host;
use crate::rate_limits::KnownLimits;
use crate::secrets::{KnownSecrets, Secrets};

/// Who is connected, known from `initialize` on.
#[derive(Debug, Clone)]
pub struct Client {
    /// Sent as the `originator` header and stored with new threads.
    pub originator: String,
    /// Sent as the `user-agent` header.
    pub user_agent: String,
}

/// Shared by all threads; made once per session.
pub struct Services {
    /// Loads the configuration anew for every thread.
    pub config: ConfigLoader,
    /// The stored threads.
    pub store: Store,
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
            launcher,
            repositories: RepositoryCache::default(),
            aliases,
            agents: Agents::default(),
            known_secrets,
            sandbox_is_told: AtomicBool::new(false),
            config,
            store,
            model: ModelClient::new(http),
            host,
            client,
            version,
            accounts,
            rate_limits: Mutex::default(),
            searching: Mutex::default(),
            offline_script: Mutex::new(None),
        }
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
        self.accounts.settle().await;
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
