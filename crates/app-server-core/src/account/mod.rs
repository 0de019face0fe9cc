//! Signing in and out, and what clients may know of it. One actor takes the requests one after the other, so that a
//! client which sends several at once finds them done in that order; what waits for a user or a server runs beside it.

mod actor;
mod login;

use std::sync::Arc;

use app_server_config::{Config, LoadRequest};
use app_server_protocol::ServerNotification;
use app_server_protocol::v2::{
    CancelLoginAccountResponse, ConfigWarningNotification, GetAccountRateLimitsResponse, GetAccountResponse,
    LoginAccountParams, LoginAccountResponse, LogoutAccountResponse,
};
use tokio::sync::{mpsc, oneshot};

use crate::auth::Rules;
use crate::error::CoreError;
use crate::host::Reply;
use crate::services::Services;

/// Requests that may wait. When it is full the message processor waits, and with it stdin.
const MAILBOX: usize = 64;

/// Something asked about the account.
#[derive(Debug)]
pub enum AccountOp {
    /// `account/read`; whether to renew tokens first.
    Read(bool, Reply<GetAccountResponse>),
    /// `account/login/start`.
    Login(Box<LoginAccountParams>, Reply<LoginAccountResponse>),
    /// `account/login/cancel`; the login meant.
    CancelLogin(String, Reply<CancelLoginAccountResponse>),
    /// `account/logout`.
    Logout(Reply<LogoutAccountResponse>),
    /// `account/rateLimits/read`.
    RateLimits(Reply<GetAccountRateLimitsResponse>),
    /// The session ends: give up a login that waits.
    Shutdown(oneshot::Sender<()>),
}

/// The way to the actor. Dropping it ends the actor.
#[derive(Debug)]
pub struct AccountHandle {
    ops: mpsc::Sender<AccountOp>,
}

impl AccountHandle {
    /// Hands an operation to the actor, waiting while its mailbox is full.
    pub async fn send(&self, op: AccountOp) {
        if self.ops.send(op).await.is_err() {
            // The operation's reply was dropped with it, and a dropped reply answers with an error.
            tracing::error!("the account's actor is gone");
        }
    }
}

/// Starts the actor. Nothing is read before the first operation.
pub fn spawn(services: Arc<Services>) -> AccountHandle {
    let (ops, mailbox) = mpsc::channel(MAILBOX);
    tokio::spawn(actor::run(services, mailbox));
    AccountHandle { ops }
}

/// Tells the client, once at start, of a stored credential that the configuration forbids; it is not used (auth
/// specification 13). Looks aside and only if something is forbidden.
pub fn warn_of_violation(services: &Arc<Services>, config: &Config) {
    let rules = Rules::of(config);
    if !rules.restrict() {
        return;
    }
    let services = Arc::clone(services);
    tokio::spawn(async move {
        let Some(credential) = services.accounts.signed_in(rules.store).await else { return };
        if let Err(violation) = rules.allow(&credential) {
            services.host.notify(ServerNotification::ConfigWarning(ConfigWarningNotification {
                summary: "The stored sign-in is not used because the configuration forbids it.".to_owned(),
                details: Some(violation.to_string()),
                path: None,
                range: None,
            }));
        }
    });
}

/// The configuration as it is now, without that of any project; the defaults while it does not load.
pub(crate) fn config(services: &Services) -> Result<Config, CoreError> {
    let load = services.config.load(&LoadRequest::default());
    Ok(load.or_else(|_| services.config.defaults())?)
}
