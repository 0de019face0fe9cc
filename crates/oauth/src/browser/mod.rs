//! The login in a browser on this machine (auth specification 7.2). The user signs in at the issuer, which sends the
//! browser back to a server on this machine with a code, which is exchanged for tokens.
//!
//! What must hold: only the answer with this login's state counts, and it counts once. Whatever else arrives at the
//! server changes nothing, with one exception: a program on this machine may ask it to give way, since the ports are few.
//! The exchange belongs to [`BrowserLogin::finish`] and not to the browser's connection, so a browser that does not wait
//! for its answer does not end the login.

mod authorize;
mod callback;
mod desk;
mod pages;
mod ports;
mod server;
mod waiting;

use std::fmt;
use std::time::Duration;

use app_server_http::Secret;
use tokio_util::sync::CancellationToken;

use crate::client::{OAuthClient, Tokens};
use crate::error::LoginError;
use crate::pkce::Pkce;
use authorize::Authorize;
pub(crate) use waiting::{Route, Waiting};

/// The ports the issuer sends browsers to, in the order they are tried.
pub const DEFAULT_PORTS: [u16; 2] = [1455, 1457];

/// How long the user may take.
const USER_LIMIT: Duration = Duration::from_secs(10 * 60);

/// The address the issuer knows; with this spelling of the host.
const ROUTE: Route = Route { host: "localhost", path: "/auth/callback" };

/// What a login in a browser depends on.
#[derive(Debug, Clone)]
pub struct BrowserOptions {
    /// The workspaces the user may sign in to; empty means any. The issuer is told, and whoever accepts the tokens must
    /// check.
    pub workspaces: Vec<String>,
    /// The ports to try, usually [`DEFAULT_PORTS`]; 0 is any.
    pub ports: Vec<u16>,
}

/// A login that is being served. Dropping it frees the port.
pub struct BrowserLogin {
    client: OAuthClient,
    waiting: Waiting,
    pkce: Pkce,
    auth_url: String,
}

impl BrowserLogin {
    /// Listens on the IPv4 loopback address. A port that is taken is asked for once and tried for two seconds, up to
    /// eight if whoever has it is slow to answer; then it is the next one's turn.
    ///
    /// # Errors
    /// [`LoginError::PortsBusy`] when none is to be had, [`LoginError::Cancelled`] when `cancel` came first.
    pub async fn bind(
        client: &OAuthClient,
        options: BrowserOptions,
        cancel: &CancellationToken,
    ) -> Result<Self, LoginError> {
        let waiting = Waiting::bind(&options.ports, ROUTE, cancel).await?;
        let pkce = Pkce::new()?;
        let auth_url = Authorize {
            issuer: client.issuer.base(),
            client_id: client.issuer.client_id(),
            redirect_uri: waiting.redirect_uri(),
            challenge: &pkce.challenge,
            state: waiting.state().expose(),
            originator: &client.originator,
            workspaces: &options.workspaces,
        }
        .url();
        Ok(Self { client: client.clone(), waiting, pkce, auth_url })
    }

    /// Returns where the user signs in.
    pub fn auth_url(&self) -> &str {
        &self.auth_url
    }

    /// Serves until the login ends. `allow` says whether the tokens may be used, before anything is made of them; then
    /// `accept` gets them, with an API key if the account has one, and stores them. What either says of a failure is
    /// shown to the user. Each is called at most once, and `accept` is not interrupted. When it has succeeded the login
    /// has; the page that says so is served for a few seconds more, unless `cancel` comes first.
    ///
    /// # Errors
    /// Whatever ends a login; the port is free then.
    pub async fn finish<F>(
        self,
        allow: impl FnOnce(&Tokens) -> Result<(), String> + Send,
        accept: impl FnOnce(Tokens, Option<Secret>) -> F + Send,
        cancel: CancellationToken,
    ) -> Result<(), LoginError>
    where
        F: Future<Output = Result<(), String>> + Send,
    {
        let Self { client, waiting, pkce, .. } = self;
        let redirect_uri = waiting.redirect_uri().to_owned();
        let redeem = move |code: Secret| async move {
            let tokens = client.exchange_code(&code, &redirect_uri, &pkce.verifier).await?;
            allow(&tokens).map_err(LoginError::Failed)?;
            let api_key = client.api_key_for(&tokens.id_token).await;
            Ok((tokens, api_key))
        };
        waiting.finish(redeem, |(tokens, api_key)| accept(tokens, api_key), USER_LIMIT, cancel).await
    }
}

impl fmt::Debug for BrowserLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The address holds the state.
        f.debug_struct("BrowserLogin").field("port", &self.waiting.port()).finish_non_exhaustive()
    }
}
