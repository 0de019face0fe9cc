//! Waiting for the browser to come back: the port, the one answer that counts, and what the browser is told. What the
//! answer's code is exchanged for is the caller's.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use app_server_http::Secret;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::desk::{Desk, Outcome, Verdict};
use super::ports;
use super::server::Server;
use crate::error::LoginError;
use crate::pkce::random_state;

/// How long the browser may take to come for the page that says so, once the login is done.
const PAGE_LIMIT: Duration = Duration::from_secs(5);

/// Where the issuer sends the browser: always this machine, but issuers compare addresses by their spelling.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Route {
    /// How the host is spelt.
    pub(crate) host: &'static str,
    /// The path.
    pub(crate) path: &'static str,
}

/// A port that is listened on for one login. Dropping it frees the port.
pub(crate) struct Waiting {
    listener: TcpListener,
    port: u16,
    path: &'static str,
    state: Secret,
    redirect_uri: String,
}

impl Waiting {
    /// Listens on the first of the ports that is to be had, on the IPv4 loopback address.
    ///
    /// # Errors
    /// [`LoginError::PortsBusy`] when none is to be had, [`LoginError::Cancelled`] when `cancel` came first.
    pub(crate) async fn bind(
        ports: &[u16],
        route: Route,
        cancel: &CancellationToken,
    ) -> Result<Self, LoginError> {
        let listened = cancel.run_until_cancelled(ports::listen(ports)).await;
        let listener = listened.unwrap_or(Err(LoginError::Cancelled))?;
        let port = match listener.local_addr() {
            Ok(address) => address.port(),
            Err(error) => {
                return Err(LoginError::Failed(format!("the login server has no address: {error}")));
            }
        };
        let redirect_uri = format!("http://{}:{port}{}", route.host, route.path);
        Ok(Self { listener, port, path: route.path, state: Secret::new(random_state()?), redirect_uri })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// What ties the answer to this login.
    pub(crate) fn state(&self) -> &Secret {
        &self.state
    }

    /// Where the issuer sends the browser.
    pub(crate) fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// Serves until the login ends. `redeem` makes something of the code, `accept` stores that and is not interrupted;
    /// each is called at most once, and what they say of a failure is shown to the user. The page that tells of a success
    /// is served for a few seconds more, unless `cancel` comes first.
    ///
    /// # Errors
    /// Whatever ends a login; the port is free then.
    pub(crate) async fn finish<T, R, F>(
        self,
        redeem: impl FnOnce(Secret) -> R,
        accept: impl FnOnce(T) -> F,
        limit: Duration,
        cancel: CancellationToken,
    ) -> Result<(), LoginError>
    where
        R: Future<Output = Result<T, LoginError>>,
        F: Future<Output = Result<(), String>>,
    {
        let (desk, verdicts) = Desk::new(self.port, self.path, self.state);
        let desk = Arc::new(desk);
        let mut server = Server::new(self.listener, Arc::clone(&desk));
        let end = beside(server.run(), login(&desk, verdicts, redeem, accept, limit, &cancel)).await;
        match end {
            Ok(()) => tokio::spawn(serve_page(server, desk, cancel)),
            Err(_) => tokio::spawn(server.close()),
        };
        end
    }
}

/// Waits for the issuer's answer, redeems it and has what that brings accepted. The browser is told how it ended.
async fn login<T, R, F>(
    desk: &Desk,
    mut verdicts: mpsc::Receiver<Verdict>,
    redeem: impl FnOnce(Secret) -> R,
    accept: impl FnOnce(T) -> F,
    limit: Duration,
    cancel: &CancellationToken,
) -> Result<(), LoginError>
where
    R: Future<Output = Result<T, LoginError>>,
    F: Future<Output = Result<(), String>>,
{
    let mut too_late = pin!(sleep(limit));
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
            redeemed = redeem(code) => redeemed,
        },
    };
    let end = match redeemed {
        Ok(_) if !desk.settle() => Err(LoginError::CancelledByRequest),
        Ok(brought) => accept(brought).await.map_err(LoginError::Failed),
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
