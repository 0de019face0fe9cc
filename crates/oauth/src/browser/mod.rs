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

use std::convert::Infallible;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use app_server_http::Secret;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::client::{OAuthClient, Tokens};
use crate::error::LoginError;
use crate::pkce::{Pkce, random_state};
use authorize::Authorize;
use desk::{CALLBACK_PATH, Desk, Outcome, Verdict};
use server::Server;

/// The ports the issuer sends browsers to, in the order they are tried.
pub const DEFAULT_PORTS: [u16; 2] = [1455, 1457];

/// How long the user may take.
const USER_LIMIT: Duration = Duration::from_secs(10 * 60);
/// How long the browser may take to come for the page that says so, once the login is done.
const PAGE_LIMIT: Duration = Duration::from_secs(5);

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
    listener: TcpListener,
    port: u16,
    state: Secret,
    pkce: Pkce,
    redirect_uri: String,
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
        let listened = cancel.run_until_cancelled(ports::listen(&options.ports)).await;
        let listener = listened.unwrap_or(Err(LoginError::Cancelled))?;
        let port = match listener.local_addr() {
            Ok(address) => address.port(),
            Err(error) => {
                return Err(LoginError::Failed(format!("the login server has no address: {error}")));
            }
        };
        let (pkce, state) = (Pkce::new()?, random_state()?);
        // The issuer knows this spelling of the host.
        let redirect_uri = format!("http://localhost:{port}{CALLBACK_PATH}");
        let auth_url = Authorize {
            issuer: client.issuer.base(),
            client_id: client.issuer.client_id(),
            redirect_uri: &redirect_uri,
            challenge: &pkce.challenge,
            state: &state,
            originator: &client.originator,
            workspaces: &options.workspaces,
        }
        .url();
        let client = client.clone();
        Ok(Self { client, listener, port, state: Secret::new(state), pkce, redirect_uri, auth_url })
    }

    /// Returns where the user signs in.
    pub fn auth_url(&self) -> &str {
        &self.auth_url
    }

    /// Serves until the login ends. `allow` says whether the tokens may be used, before anything is made of them; then
    /// `accept` gets them, with an API key if the account has one, and stores them. What either says of a failure is
    /// shown to the user. Each is called at most once, and `accept` is not interrupted. When it has succeeded the login has; the page that says so is served for a few seconds more, unless
    /// `cancel` comes first.
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
        let Self { client, listener, port, state, pkce, redirect_uri, .. } = self;
        let (desk, verdicts) = Desk::new(port, state);
        let desk = Arc::new(desk);
        let mut server = Server::new(listener, Arc::clone(&desk));
        let exchange = Exchange { client, verifier: pkce.verifier, redirect_uri };
        let login = login(&desk, verdicts, exchange, allow, accept, &cancel);
        let end = beside(server.run(), login).await;
        match end {
            Ok(()) => tokio::spawn(serve_page(server, desk, cancel)),
            Err(_) => tokio::spawn(server.close()),
        };
        end
    }
}

impl fmt::Debug for BrowserLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The address holds the state.
        f.debug_struct("BrowserLogin").field("port", &self.port).finish_non_exhaustive()
    }
}

/// What redeems a code.
struct Exchange {
    client: OAuthClient,
    verifier: Secret,
    redirect_uri: String,
}

impl Exchange {
    async fn redeem(
        &self,
        code: &Secret,
        allow: impl FnOnce(&Tokens) -> Result<(), String>,
    ) -> Result<(Tokens, Option<Secret>), LoginError> {
        let tokens = self.client.exchange_code(code, &self.redirect_uri, &self.verifier).await?;
        allow(&tokens).map_err(LoginError::Failed)?;
        let api_key = self.client.api_key_for(&tokens.id_token).await;
        Ok((tokens, api_key))
    }
}

/// Waits for the issuer's answer, redeems it and has the tokens accepted. The browser is told how it ended.
async fn login<F>(
    desk: &Desk,
    mut verdicts: mpsc::Receiver<Verdict>,
    exchange: Exchange,
    allow: impl FnOnce(&Tokens) -> Result<(), String>,
    accept: impl FnOnce(Tokens, Option<Secret>) -> F,
    cancel: &CancellationToken,
) -> Result<(), LoginError>
where
    F: Future<Output = Result<(), String>>,
{
    let mut too_late = pin!(sleep(USER_LIMIT));
    let mut interrupted = pin!(async {
        tokio::select! {
            biased;
            () = cancel.cancelled() => LoginError::Cancelled,
            () = desk.asked_to_leave.cancelled() => LoginError::CancelledByRequest,
            () = &mut too_late => LoginError::TimedOut,
        }
    });
    let verdict = tokio::select! {
        biased;
        error = &mut interrupted => return Err(error),
        verdict = verdicts.recv() => verdict,
    };
    // The desk holds the sender, so there is one.
    let Some(Verdict { code, browser }) = verdict else { return Err(LoginError::Cancelled) };
    let redeemed = match code {
        Err(reason) => Err(LoginError::Failed(reason)),
        Ok(code) => tokio::select! {
            biased;
            error = &mut interrupted => Err(error),
            redeemed = exchange.redeem(&code, allow) => redeemed,
        },
    };
    let end = match redeemed {
        Ok(_) if !desk.settle() => Err(LoginError::CancelledByRequest),
        Ok((tokens, api_key)) => accept(tokens, api_key).await.map_err(LoginError::Failed),
        Err(error) => {
            desk.settle();
            Err(error)
        }
    };
    let outcome = match &end {
        Ok(()) => {
            desk.signed_in();
            Outcome::SignedIn
        }
        Err(error) => Outcome::Failed(error.to_string()),
    };
    // The browser may have gone away.
    let _ = browser.send(outcome);
    end
}

/// Serves the page a browser is sent to at the end, until it has been seen or nobody comes.
async fn serve_page(mut server: Server, desk: Arc<Desk>, cancel: CancellationToken) {
    let seen = async {
        tokio::select! {
            () = cancel.cancelled() => {}
            () = desk.asked_to_leave.cancelled() => {}
            () = desk.shown.notified() => {}
            () = sleep(PAGE_LIMIT) => {}
        }
    };
    beside(server.run(), seen).await;
    server.close().await;
}

/// Runs one future for as long as another one takes.
async fn beside<T>(forever: impl Future<Output = Infallible>, task: impl Future<Output = T>) -> T {
    tokio::select! {
        never = forever => match never {},
        end = task => end,
    }
}
