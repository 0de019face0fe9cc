//! Logins that wait for the user: in a browser on this machine, or on any device with a code (auth specification 7.2
//! and 7.3). Each is a task of its own that answers the request, waits, and tells the client of the end.

use std::sync::Arc;

use app_server_http::Secret;
use app_server_oauth::{
    BrowserLogin, BrowserOptions, DEFAULT_PORTS, DeviceError, DeviceLogin, LoginError, OAuthClient, Tokens,
};
use app_server_protocol::ServerNotification;
use app_server_protocol::v2::{
    AccountLoginCompletedNotification, AccountUpdatedNotification, LoginAccountResponse,
};
use jiff::Timestamp;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::auth::{AuthRecord, Credential, Rules, StoredTokens};
use crate::error::CoreError;
use crate::host::Reply;
use crate::rate_limits;
use crate::services::Services;

/// A login that waits for the user, or is over.
pub(super) struct Pending {
    pub(super) id: Uuid,
    cancel: CancellationToken,
    /// Cancelled when the user has done it and the tokens are about to be stored.
    is_done: CancellationToken,
    task: JoinHandle<()>,
}

/// The credential a login brought.
pub(super) struct SignedIn(pub(super) Credential);

impl Pending {
    /// Whether the user is still waited for.
    pub(super) fn waits(&self) -> bool {
        !self.is_done.is_cancelled() && !self.task.is_finished()
    }

    /// Ends it and waits until the client has been told.
    pub(super) async fn end(self) {
        self.cancel.cancel();
        // A panic has been reported where it happened.
        let _ = self.task.await;
    }

    fn spawn<F>(begin: impl FnOnce(Uuid, CancellationToken, CancellationToken) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let id = Uuid::new_v4();
        let (cancel, is_done) = (CancellationToken::new(), CancellationToken::new());
        let task = tokio::spawn(begin(id, cancel.clone(), is_done.clone()));
        Pending { id, cancel, is_done, task }
    }
}

/// Begins a login in a browser, which the client opens.
pub(super) fn in_browser(
    services: Arc<Services>,
    rules: Rules,
    reply: Reply<LoginAccountResponse>,
) -> Pending {
    Pending::spawn(move |id, cancel, is_done| async move {
        let begun = async {
            let oauth = oauth(&services)?;
            let options =
                BrowserOptions { workspaces: rules.workspaces.clone(), ports: DEFAULT_PORTS.to_vec() };
            let login = BrowserLogin::bind(&oauth, options, &cancel).await;
            login.map_err(|error| CoreError::Internal(format!("Login server error: {error}")))
        };
        let login = match begun.await {
            Ok(login) => login,
            Err(error) => return reply.send(Err(error)),
        };
        let auth_url = login.auth_url().to_owned();
        reply.send(Ok(LoginAccountResponse::Chatgpt { auth_url, login_id: id.to_string() }));
        let allow = |tokens: &Tokens| usable(&rules, tokens).map(drop);
        let mut signed_in = None;
        let accept = async |tokens: Tokens, api_key: Option<Secret>| {
            is_done.cancel();
            signed_in = Some(sign_in(&services, &rules, &tokens, api_key).await?);
            Ok(())
        };
        let end = login.finish(allow, accept, cancel).await;
        let outcome = match (end, signed_in) {
            (Ok(()), Some(signed_in)) => Ok(signed_in),
            (Ok(()), None) => Err(format!("Login server error: {}", LoginError::Cancelled)),
            (Err(error), _) => Err(format!("Login server error: {error}")),
        };
        completed(&services, Some(id), outcome);
    })
}

/// Begins a login on another device, with a code the client shows.
pub(super) fn on_another_device(
    services: Arc<Services>,
    rules: Rules,
    reply: Reply<LoginAccountResponse>,
) -> Pending {
    Pending::spawn(move |id, cancel, is_done| async move {
        let begun = async {
            let oauth = oauth(&services)?;
            let start = tokio::select! {
                start = DeviceLogin::start(&oauth) => start,
                () = cancel.cancelled() => return Err(CoreError::Internal(LoginError::Cancelled.to_string())),
            };
            start.map_err(|error| match error {
                DeviceError::NotOffered => CoreError::Invalid(error.to_string()),
                error => CoreError::Internal(error.to_string()),
            })
        };
        let login = match begun.await {
            Ok(login) => login,
            Err(error) => return reply.send(Err(error)),
        };
        reply.send(Ok(LoginAccountResponse::ChatgptDeviceCode {
            login_id: id.to_string(),
            user_code: login.user_code().to_owned(),
            verification_url: login.verification_url().to_owned(),
        }));
        let outcome = match login.finish(cancel).await {
            Ok(tokens) => {
                is_done.cancel();
                sign_in(&services, &rules, &tokens, None).await
            }
            Err(error) => Err(error.to_string()),
        };
        completed(&services, Some(id), outcome);
    })
}

/// Tells of the end of a login and, if it succeeded, of who is signed in now.
pub(super) fn completed(services: &Services, id: Option<Uuid>, outcome: Result<SignedIn, String>) {
    let (signed_in, error) = match outcome {
        Ok(signed_in) => (Some(signed_in), None),
        // An issuer may quote what it does not accept.
        Err(error) => (None, Some(services.secrets().mask(&error).into_owned())),
    };
    services.host.notify(ServerNotification::AccountLoginCompleted(AccountLoginCompletedNotification {
        success: signed_in.is_some(),
        error,
        login_id: id.map(|id| id.to_string()),
        onboarding_entrypoint: None,
    }));
    if let Some(SignedIn(credential)) = signed_in {
        rate_limits::forget(services);
        services.host.notify(ServerNotification::AccountUpdated(AccountUpdatedNotification {
            auth_mode: Some(credential.mode()),
            plan_type: credential.plan(),
        }));
    }
}

fn oauth(services: &Services) -> Result<OAuthClient, CoreError> {
    services.accounts.oauth().cloned().map_err(CoreError::Internal)
}

/// Says whether what a login brought may be used: the tokens are understood and their workspace is allowed.
fn usable(rules: &Rules, tokens: &Tokens) -> Result<StoredTokens, String> {
    let Tokens { id_token, access_token, refresh_token } = tokens.clone();
    let tokens = StoredTokens::new(id_token, access_token, refresh_token)
        .map_err(|error| format!("the issuer's id token is not usable: {error}"))?;
    let allowed = rules.allow_workspace(tokens.account_id.as_deref());
    allowed.map(|()| tokens).map_err(|violation| violation.to_string())
}

/// Stores what a login brought, if it may be used.
async fn sign_in(
    services: &Services,
    rules: &Rules,
    tokens: &Tokens,
    api_key: Option<Secret>,
) -> Result<SignedIn, String> {
    let record = AuthRecord::of_chatgpt(usable(rules, tokens)?, api_key, Timestamp::now());
    let signed_in = services.accounts.sign_in(rules.store, record).await;
    signed_in.map(SignedIn).map_err(|error| error.to_string())
}
