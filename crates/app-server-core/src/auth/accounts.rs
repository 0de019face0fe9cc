//! The owner of the credentials of this process, shared by every thread. It reads them when they are first needed and
//! again when another process has changed them; it must not sign anybody in or out by itself.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use app_server_config::{ConfigLoader, CredentialsStore, Environment};
use app_server_http::HttpClient;
use app_server_oauth::{Issuer, IssuerOverrides, OAuthClient};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::credential::{Credential, ExternalTokens, Rules};
use super::record::AuthRecord;
use super::renewal::{Refusal, Renewed};
use super::single_flight::SingleFlight;
use super::storage::{AuthStorage, Memory, Stamp, StorageError, StorageLock};
use crate::host::Host;
use crate::secrets::KnownSecrets;
use crate::services::Client;

/// How long a sign-in or sign-out waits for another process that renews tokens. Its renewal looks again before it
/// stores anything, so going on without the lock loses nothing.
const SHORT_LOCK_LIMIT: Duration = Duration::from_secs(2);
/// How long the end of the session waits for renewals and answers under way: as long as the issuer may take.
const SETTLE_LIMIT: Duration = Duration::from_secs(35);
/// How long it waits for what is only a courtesy.
const FAREWELL_LIMIT: Duration = Duration::from_secs(1);

/// All credentials of the process.
pub(crate) struct Accounts {
    codex_home: PathBuf,
    memory: Arc<Memory>,
    /// Or why the issuer cannot be asked.
    oauth: Result<OAuthClient, String>,
    pub(super) host: Arc<dyn Host>,
    known_secrets: Arc<KnownSecrets>,
    state: Mutex<State>,
    pub(super) renewing: SingleFlight<Credential, Renewed>,
    pub(super) asking: SingleFlight<Credential, Renewed>,
    /// What must not be cut short by the end of a turn.
    pub(super) renewals: TaskTracker,
    /// Requests of the client that are answered beside the actor.
    answers: TaskTracker,
    /// What nobody waits for.
    farewells: TaskTracker,
    /// Cancelled when those answers are given up.
    given_up: CancellationToken,
}

#[derive(Default)]
pub(super) struct State {
    /// Wins over whatever is stored.
    pub(super) external: Option<Arc<ExternalTokens>>,
    stored: Option<Stored>,
    /// How often somebody has signed in or out, or tokens were renewed, in this process.
    changes: u64,
    /// A refresh token the issuer will not take any more, and what it said.
    pub(super) refused: Option<Refusal>,
}

/// What was last read.
struct Stored {
    store: CredentialsStore,
    stamp: Stamp,
    record: Option<Arc<AuthRecord>>,
    /// What is stored in place of the record, which could not be: worth nothing any more.
    superseded: Option<Arc<AuthRecord>>,
}

impl Accounts {
    /// Nothing is read yet.
    pub(crate) fn new(
        config: &ConfigLoader,
        http: HttpClient,
        host: Arc<dyn Host>,
        client: &Client,
        known_secrets: Arc<KnownSecrets>,
    ) -> Self {
        let oauth = Issuer::new(issuer_overrides(config.environment()))
            .map(|issuer| {
                OAuthClient::new(http, issuer, client.originator.clone(), client.user_agent.clone())
            })
            .map_err(|error| error.to_string());
        Self {
            codex_home: config.codex_home().to_owned(),
            memory: Arc::default(),
            oauth,
            host,
            known_secrets,
            state: Mutex::default(),
            renewing: SingleFlight::default(),
            asking: SingleFlight::default(),
            renewals: TaskTracker::new(),
            answers: TaskTracker::new(),
            farewells: TaskTracker::new(),
            given_up: CancellationToken::new(),
        }
    }

    /// The way to the issuer.
    ///
    /// # Errors
    /// In words, when it is configured to be what is no address.
    pub(crate) fn oauth(&self) -> Result<&OAuthClient, String> {
        self.oauth.as_ref().map_err(Clone::clone)
    }

    /// Returns the credential to be used, if somebody is signed in and the rules allow it.
    pub(crate) async fn current(&self, rules: &Rules) -> Option<Credential> {
        let credential = self.signed_in(rules.store).await?;
        rules.allow(&credential).is_ok().then_some(credential)
    }

    /// Returns who is signed in, allowed or not.
    pub(crate) async fn signed_in(&self, store: CredentialsStore) -> Option<Credential> {
        if let Some(tokens) = self.external() {
            return Some(Credential::External(tokens));
        }
        Credential::stored(&self.record(store).await?)
    }

    /// The tokens the client brought, if it has.
    pub(crate) fn external(&self) -> Option<Arc<ExternalTokens>> {
        self.state().external.clone()
    }

    /// Takes tokens of the client's into use.
    pub(crate) fn bring(&self, tokens: ExternalTokens) -> Credential {
        self.known_secrets.learn_tokens(vec![tokens.access_token.expose().to_owned()]);
        let tokens = Arc::new(tokens);
        self.state().external = Some(Arc::clone(&tokens));
        Credential::External(tokens)
    }

    /// What is stored, read again only if it has changed since. If it cannot be read, what was known of it before.
    async fn record(&self, store: CredentialsStore) -> Option<Arc<AuthRecord>> {
        let stamp = self.storage(store).stamp();
        let known = {
            let state = self.state();
            let known = state.stored.as_ref().filter(|known| known.store == store);
            if let Some(known) = known.filter(|known| known.stamp == stamp) {
                return known.record.clone();
            }
            known.and_then(|known| known.record.clone())
        };
        self.reload(store).await.unwrap_or(known)
    }

    /// Reads what is stored. Damaged content counts as nobody being signed in (auth specification 1).
    ///
    /// # Errors
    /// When the store cannot be reached, which says nothing about who is signed in.
    pub(super) async fn reload(
        &self,
        store: CredentialsStore,
    ) -> Result<Option<Arc<AuthRecord>>, StorageError> {
        let storage = self.storage(store);
        let (changes, unsaved) = {
            let state = self.state();
            let known = state.stored.as_ref().filter(|known| known.store == store);
            (state.changes, known.and_then(Stored::unsaved))
        };
        // The stamp before the content: a change in between shows at the next look.
        let read = move || {
            let (stamp, loaded) = (storage.stamp(), storage.load());
            match (loaded, unsaved) {
                (Ok(Some(stored)), Some((record, superseded))) if stored == *superseded => {
                    let is_saved = storage.save(&record).is_ok();
                    (storage.stamp(), Ok(Some(record)), (!is_saved).then_some(superseded))
                }
                (loaded, _) => (stamp, loaded.map(|record| record.map(Arc::new)), None),
            }
        };
        let (stamp, loaded, superseded) = blocking(read).await.ok_or(StorageError::Lost)?;
        let record = match loaded {
            Ok(record) => record,
            Err(error @ StorageError::Damaged(_)) => {
                tracing::warn!(%error, "the stored credentials are not usable");
                None
            }
            Err(error) => {
                tracing::warn!(%error, "the stored credentials cannot be read");
                return Err(error);
            }
        };
        let mut state = self.state();
        if state.changes != changes {
            // Somebody has signed in or out while this was read: that is what counts.
            let known = state.stored.as_ref().filter(|known| known.store == store);
            return Ok(known.and_then(|known| known.record.clone()));
        }
        self.learn(record.as_deref());
        state.stored = Some(Stored { store, stamp, record: record.clone(), superseded });
        Ok(record)
    }

    /// Stores a record and takes it into use in place of whatever was.
    ///
    /// # Errors
    /// When it could not be stored; nothing has changed then.
    pub(crate) async fn sign_in(
        &self,
        store: CredentialsStore,
        record: AuthRecord,
    ) -> Result<Credential, StorageError> {
        let _lock = self.lock(store, SHORT_LOCK_LIMIT).await.unwrap_or_default();
        let record = self.save(store, record).await?;
        self.state().refused = None;
        Credential::stored(&record).ok_or(StorageError::Lost)
    }

    /// Stores a record. Whoever calls holds the lock.
    pub(super) async fn save(
        &self,
        store: CredentialsStore,
        record: AuthRecord,
    ) -> Result<Arc<AuthRecord>, StorageError> {
        let record = Arc::new(record);
        let (storage, saved) = (self.storage(store), Arc::clone(&record));
        let save = move || storage.save(&saved).map(|()| storage.stamp());
        let stamp = blocking(save).await.ok_or(StorageError::Lost)??;
        self.change(Stored { store, stamp, record: Some(Arc::clone(&record)), superseded: None });
        Ok(record)
    }

    /// Takes a record into use that could not be stored; it is when what is stored is next looked at.
    pub(super) fn use_unsaved(
        &self,
        store: CredentialsStore,
        record: &Arc<AuthRecord>,
        superseded: Arc<AuthRecord>,
    ) {
        let stamp = self.storage(store).stamp();
        let record = Some(Arc::clone(record));
        self.change(Stored { store, stamp, record, superseded: Some(superseded) });
    }

    /// Forgets every credential, wherever it is kept. Returns the one that was stored.
    ///
    /// # Errors
    /// When what is stored could not be removed; nothing has changed then.
    pub(crate) async fn sign_out(
        &self,
        store: CredentialsStore,
    ) -> Result<Option<Arc<AuthRecord>>, StorageError> {
        let _lock = self.lock(store, SHORT_LOCK_LIMIT).await.unwrap_or_default();
        // Whatever cannot be read can still be removed.
        let last = self.reload(store).await.unwrap_or_default();
        let storage = self.storage(store);
        let delete = move || storage.delete().map(|_| storage.stamp());
        let stamp = blocking(delete).await.ok_or(StorageError::Lost)??;
        self.state().external = None;
        self.change(Stored { store, stamp, record: None, superseded: None });
        Ok(last)
    }

    /// Keeps other processes from changing what is stored; `None`, and a warning, where that is not possible.
    ///
    /// # Errors
    /// [`StorageError::Locked`] when another process has it for longer than `limit`.
    pub(super) async fn lock(
        &self,
        store: CredentialsStore,
        limit: Duration,
    ) -> Result<Option<StorageLock>, StorageError> {
        if store == CredentialsStore::Ephemeral {
            return Ok(None);
        }
        let storage = self.storage(store);
        match blocking(move || storage.lock(limit)).await {
            Some(Ok(lock)) => Ok(Some(lock)),
            Some(Err(StorageError::Locked)) => Err(StorageError::Locked),
            Some(Err(error)) => {
                tracing::warn!(%error, "credentials are changed without a lock");
                Ok(None)
            }
            None => Ok(None),
        }
    }

    /// Takes note of a change made here.
    fn change(&self, stored: Stored) {
        self.learn(stored.record.as_deref());
        let mut state = self.state();
        state.changes += 1;
        state.stored = Some(stored);
    }

    fn learn(&self, record: Option<&AuthRecord>) {
        if let Some(record) = record {
            self.known_secrets.learn_tokens(record.secret_values());
        }
    }

    fn storage(&self, store: CredentialsStore) -> AuthStorage {
        AuthStorage::new(&self.codex_home, store, &self.memory)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs what should be done even if nobody waits for it, such as telling the issuer of an end.
    pub(crate) fn aside(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.farewells.spawn(work);
    }

    /// Answers a request of the client beside the actor. What is dropped at the end answers with an error.
    pub(crate) fn answer(&self, work: impl Future<Output = ()> + Send + 'static) {
        let given_up = self.given_up.clone();
        self.answers.spawn(async move { given_up.run_until_cancelled(work).await });
    }

    /// Waits, at the end of the session, for what must not be cut short: a refresh token counts once, so renewed tokens
    /// that are not stored yet would be lost, and with them the sign-in; and what was asked is answered.
    pub(crate) async fn settle(&self) {
        for tasks in [&self.renewals, &self.answers, &self.farewells] {
            tasks.close();
        }
        let due = async { tokio::join!(self.answers.wait(), self.renewals.wait()) };
        if timeout(SETTLE_LIMIT, due).await.is_err() {
            tracing::warn!("ended without waiting for the issuer");
        }
        self.given_up.cancel();
        self.answers.wait().await;
        // Whether the issuer hears of a logout changes nothing here.
        let _ = timeout(FAREWELL_LIMIT, self.farewells.wait()).await;
    }
}

impl Stored {
    /// The record that is not stored, and what is in its place.
    fn unsaved(&self) -> Option<(Arc<AuthRecord>, Arc<AuthRecord>)> {
        Some((self.record.clone()?, self.superseded.clone()?))
    }
}

fn issuer_overrides(environment: &Environment) -> IssuerOverrides {
    let var = |name: &str| environment.non_blank(name).map(str::to_owned);
    IssuerOverrides {
        issuer: var("CODEX_APP_SERVER_LOGIN_ISSUER"),
        client_id: var("CODEX_APP_SERVER_LOGIN_CLIENT_ID"),
        refresh_url: var("CODEX_REFRESH_TOKEN_URL_OVERRIDE"),
        revoke_url: var("CODEX_REVOKE_TOKEN_URL_OVERRIDE"),
    }
}

/// Runs what waits for the disk or the keyring where it holds nobody up; `None` when it panicked.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.inspect_err(|error| tracing::error!(%error, "the credential store failed")).ok()
}
