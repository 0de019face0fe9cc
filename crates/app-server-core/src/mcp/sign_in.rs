//! The tokens a connection over HTTP shows: those of a sign-in, renewed when they end or are refused.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use app_server_config::McpCredentialsStore;
use app_server_http::Secret;
use app_server_mcp::{Authorization, Token};
use app_server_oauth::RefreshError;
use tokio::sync::oneshot;

use super::credentials::{Credentials, SignIn};
use crate::auth::SingleFlight;
use crate::services::Services;

/// A token that ends within this time is renewed before it is used.
const RENEW_BEFORE_END: Duration = Duration::from_secs(60);

/// The tokens of one server.
struct SignedIn {
    services: Weak<Services>,
    credentials: Credentials,
    /// What is used now; None when nothing has been looked up yet.
    current: Mutex<Option<SignIn>>,
    /// A refresh token the issuer does not take any more.
    spent: Mutex<Option<Secret>>,
    renewing: SingleFlight<Option<Secret>, Option<Secret>>,
}

impl SignedIn {
    fn current(&self) -> Option<SignIn> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn spent(&self) -> MutexGuard<'_, Option<Secret>> {
        self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, services: &Services, sign_in: &SignIn) {
        services.learn_secret(sign_in.tokens.access_token.expose());
        if let Some(token) = &sign_in.tokens.refresh_token {
            services.learn_secret(token.expose());
        }
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(sign_in.clone());
    }

    /// Reads what is stored. `everywhere`: in the keyring as well, which may ask the user.
    async fn read(&self, services: &Services, everywhere: bool) -> Option<SignIn> {
        let credentials = self.credentials.clone();
        let read = move || if everywhere { credentials.load() } else { credentials.load_from_file() };
        match tokio::task::spawn_blocking(read).await {
            Ok(Ok(found)) => found.inspect(|found| self.keep(services, found)),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the sign-in to an MCP server cannot be read");
                None
            }
            Err(_) => None,
        }
    }

    async fn token(self: Arc<Self>) -> Option<Secret> {
        let services = self.services.upgrade()?;
        let sign_in = match self.current() {
            Some(sign_in) => sign_in,
            None => self.read(&services, false).await?,
        };
        if !is_due(&sign_in) || sign_in.tokens.refresh_token.is_none() {
            return Some(sign_in.tokens.access_token);
        }
        let token = sign_in.tokens.access_token;
        // What cannot be renewed is tried as it is: the server has the last word.
        self.renewed(services, Some(token.clone())).await.or(Some(token))
    }

    /// Returns another token than the one that was refused, if there is one.
    async fn renewed(self: Arc<Self>, services: Arc<Services>, refused: Option<Secret>) -> Option<Secret> {
        let (answer, receiver) = oneshot::channel();
        let tokens = Arc::clone(&self);
        let hub = Arc::clone(&services);
        // A task of its own: a refresh token may count once, so what it brings must be stored even if nobody waits.
        hub.mcp.run(async move {
            let renewal = tokens.renew(&services, refused.clone());
            let token = tokens.renewing.run(refused.clone(), renewal).await;
            // Whoever asked may have gone.
            let _ = answer.send(token);
        });
        receiver.await.ok().flatten()
    }

    async fn renew(&self, services: &Services, refused: Option<Secret>) -> Option<Secret> {
        let credentials = self.credentials.clone();
        // Held until the new tokens are stored, so that processes which share a home ask once. Without it, in a home that
        // cannot be written, each asks for itself.
        let lock = tokio::task::spawn_blocking(move || credentials.lock()).await;
        let _lock = lock.ok().and_then(|lock| {
            lock.inspect_err(|error| tracing::debug!(%error, "tokens are renewed without a lock")).ok()
        });
        let sign_in = self.read(services, true).await?;
        let is_another = refused.as_ref() != Some(&sign_in.tokens.access_token);
        if is_another && !is_due(&sign_in) {
            return Some(sign_in.tokens.access_token);
        }
        let refresh_token = sign_in.tokens.refresh_token.as_ref()?;
        if self.spent().as_ref() == Some(refresh_token) {
            return None;
        }
        let tokens = match sign_in.grant.renew(&services.http, refresh_token).await {
            Ok(tokens) => tokens,
            Err(error) => {
                tracing::warn!(%error, "the sign-in to an MCP server was not renewed");
                if matches!(error, RefreshError::Permanent { .. }) {
                    *self.spent() = Some(refresh_token.clone());
                }
                return None;
            }
        };
        let renewed = SignIn { grant: sign_in.grant, tokens };
        self.keep(services, &renewed);
        let (credentials, stored) = (self.credentials.clone(), renewed.clone());
        if let Ok(Err(error)) = tokio::task::spawn_blocking(move || credentials.save(&stored)).await {
            // This process at least can go on.
            tracing::error!(%error, "renewed tokens of an MCP server could not be stored");
        }
        Some(renewed.tokens.access_token)
    }
}

/// Whether the access token has ended or is about to.
fn is_due(sign_in: &SignIn) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let soon = now + RENEW_BEFORE_END;
    sign_in.tokens.expires_at_ms.is_some_and(|end| u128::from(end) <= soon.as_millis())
}

/// Returns the tokens of a server. Nothing is read before the first request.
pub(super) fn authorization(
    services: &Arc<Services>,
    mode: McpCredentialsStore,
    name: &str,
    url: &str,
) -> Arc<dyn Authorization> {
    Arc::new(Shared(Arc::new(SignedIn {
        services: Arc::downgrade(services),
        credentials: Credentials::new(services.config.codex_home(), mode, name, url),
        current: Mutex::default(),
        spent: Mutex::default(),
        renewing: SingleFlight::default(),
    })))
}

/// The same, as a connection asks for it.
struct Shared(Arc<SignedIn>);

impl Authorization for Shared {
    fn token(&self) -> Token {
        Box::pin(Arc::clone(&self.0).token())
    }

    fn instead_of(&self, refused: Option<Secret>) -> Token {
        let tokens = Arc::clone(&self.0);
        Box::pin(async move {
            let services = tokens.services.upgrade()?;
            tokens.renewed(services, refused).await
        })
    }
}
