//! The actor: it owns the login that waits for the user, of which there is at most one.

use std::sync::Arc;

use app_server_oauth::TokenKind;
use app_server_protocol::ServerNotification;
use app_server_protocol::v2::{
    AccountUpdatedNotification, CancelLoginAccountResponse, CancelLoginAccountStatus,
    GetAccountRateLimitsResponse, GetAccountResponse, LoginAccountParams, LoginAccountResponse,
    LogoutAccountResponse,
};
use tokio::sync::{Semaphore, mpsc};
use uuid::Uuid;

use super::login::{self, Pending, SignedIn};
use super::{AccountOp, config};
use crate::auth::{AuthRecord, Credential, ExternalTokens, Rules};
use crate::error::CoreError;
use crate::host::Reply;
use crate::rate_limits;
use crate::services::Services;

/// Requests that may wait for a backend at the same time; the next ones hold up the actor, and so the client.
const MAX_ASKING: usize = 64;

/// Runs until the handle is dropped.
pub(super) async fn run(services: Arc<Services>, mut mailbox: mpsc::Receiver<AccountOp>) {
    let asking = Arc::new(Semaphore::new(MAX_ASKING));
    let mut actor = Actor { services, asking, pending: None };
    while let Some(op) = mailbox.recv().await {
        actor.handle(op).await;
        actor.services.host.drained().await;
    }
    actor.end_pending().await;
}

struct Actor {
    services: Arc<Services>,
    /// For requests that are answered beside the actor.
    asking: Arc<Semaphore>,
    /// The last login that needed the user; it may be over.
    pending: Option<Pending>,
}

impl Actor {
    async fn handle(&mut self, op: AccountOp) {
        match op {
            AccountOp::Read(renew, reply) => self.read(renew, reply).await,
            AccountOp::Login(params, reply) => self.login(*params, reply).await,
            AccountOp::CancelLogin(id, reply) => self.cancel_login(&id, reply).await,
            AccountOp::Logout(reply) => self.logout(reply).await,
            AccountOp::RateLimits(reply) => {
                let services = Arc::clone(&self.services);
                self.beside(async move { reply.send(limits(&services).await) }).await;
            }
            AccountOp::Shutdown(done) => {
                self.end_pending().await;
                // Whoever waited may have given up.
                let _ = done.send(());
            }
        }
    }

    /// Answers a request for which somebody else is asked, so that it holds up no other.
    async fn beside(&self, work: impl Future<Output = ()> + Send + 'static) {
        // Closed never.
        let permit = Arc::clone(&self.asking).acquire_owned().await;
        self.services.accounts.answer(async move {
            let _permit = permit;
            work.await;
        });
    }

    async fn read(&self, renew: bool, reply: Reply<GetAccountResponse>) {
        if !renew {
            return reply.send(account(&self.services).await);
        }
        let services = Arc::clone(&self.services);
        let read = async move {
            if let Ok(config) = config(&services) {
                let rules = Rules::of(&config);
                if let Some(used @ Credential::Managed(_)) = services.accounts.current(&rules).await
                    && let Err(error) = services.accounts.renew(&rules, &used).await
                {
                    tracing::warn!(%error, "tokens were not renewed");
                }
            }
            reply.send(account(&services).await);
        };
        self.beside(read).await;
    }

    async fn login(&mut self, params: LoginAccountParams, reply: Reply<LoginAccountResponse>) {
        let rules = match self.rules_for(&params) {
            Ok(rules) => rules,
            Err(error) => return reply.send(Err(error)),
        };
        match params {
            LoginAccountParams::ApiKey { api_key } if api_key.trim().is_empty() => {
                reply.send(Err(CoreError::Invalid("the API key is empty".to_owned())));
            }
            LoginAccountParams::ApiKey { api_key } => {
                self.end_pending().await;
                let record = AuthRecord::of_api_key(&api_key);
                match self.services.accounts.sign_in(rules.store, record).await {
                    Ok(credential) => {
                        reply.send(Ok(LoginAccountResponse::ApiKey));
                        login::completed(&self.services, None, Ok(SignedIn(credential)));
                    }
                    Err(error) => reply.send(Err(CoreError::Internal(error.to_string()))),
                }
            }
            LoginAccountParams::ChatgptAuthTokens {
                access_token,
                chatgpt_account_id,
                chatgpt_plan_type,
                id_token,
            } => {
                let tokens = ExternalTokens::new(
                    &access_token,
                    id_token.as_deref(),
                    chatgpt_account_id,
                    chatgpt_plan_type,
                )
                .map_err(|error| CoreError::Invalid(error.to_string()))
                .and_then(|tokens| {
                    let allowed = rules.allow_workspace(tokens.account_id.as_deref());
                    allowed.map(|()| tokens).map_err(|violation| CoreError::Invalid(violation.to_string()))
                });
                match tokens {
                    Ok(tokens) => {
                        self.end_pending().await;
                        let credential = self.services.accounts.bring(tokens);
                        reply.send(Ok(LoginAccountResponse::ChatgptAuthTokens));
                        login::completed(&self.services, None, Ok(SignedIn(credential)));
                    }
                    Err(error) => reply.send(Err(error)),
                }
            }
            LoginAccountParams::Chatgpt { .. } => {
                self.end_pending().await;
                self.pending = Some(login::in_browser(Arc::clone(&self.services), rules, reply));
            }
            LoginAccountParams::ChatgptDeviceCode => {
                self.end_pending().await;
                self.pending = Some(login::on_another_device(Arc::clone(&self.services), rules, reply));
            }
            LoginAccountParams::AmazonBedrock { .. } | LoginAccountParams::AmazonBedrockAccessKeys { .. } => {
                let text = "this server does not sign in to Amazon Bedrock: set the keys in the provider's configuration";
                reply.send(Err(CoreError::Invalid(text.to_owned())));
            }
        }
    }

    /// Says whether this way of signing in is allowed now.
    fn rules_for(&self, params: &LoginAccountParams) -> Result<Rules, CoreError> {
        let is_external = matches!(params, LoginAccountParams::ChatgptAuthTokens { .. });
        if self.services.accounts.external().is_some() && !is_external {
            let text = "the client's own tokens are in use: log out first to sign in another way";
            return Err(CoreError::Invalid(text.to_owned()));
        }
        let rules = Rules::of(&config(&self.services)?);
        let allowed = match params {
            LoginAccountParams::ApiKey { .. } => rules.allow_api_keys(),
            _ => rules.allow_accounts(),
        };
        allowed.map(|()| rules).map_err(|violation| CoreError::Invalid(violation.to_string()))
    }

    async fn cancel_login(&mut self, id: &str, reply: Reply<CancelLoginAccountResponse>) {
        let id = match Uuid::try_parse(id) {
            Ok(id) => id,
            Err(error) => {
                return reply.send(Err(CoreError::Invalid(format!("invalid login id: {error}"))));
            }
        };
        let is_pending = self.pending.as_ref().is_some_and(|pending| pending.id == id && pending.waits());
        let status =
            if is_pending { CancelLoginAccountStatus::Canceled } else { CancelLoginAccountStatus::NotFound };
        reply.send(Ok(CancelLoginAccountResponse { status }));
        if is_pending {
            self.end_pending().await;
        }
    }

    async fn logout(&mut self, reply: Reply<LogoutAccountResponse>) {
        self.end_pending().await;
        let rules = config(&self.services).map(|config| Rules::of(&config)).unwrap_or_default();
        let last = match self.services.accounts.sign_out(rules.store).await {
            Ok(last) => last,
            Err(error) => return reply.send(Err(CoreError::Internal(error.to_string()))),
        };
        rate_limits::forget(&self.services);
        reply.send(Ok(LogoutAccountResponse {}));
        self.services.host.notify(ServerNotification::AccountUpdated(AccountUpdatedNotification::default()));
        if let Some(record) = last {
            self.revoke(&record);
        }
    }

    /// Tells the issuer that the tokens are not needed any more. Nobody waits for that.
    fn revoke(&self, record: &AuthRecord) {
        let (Some(tokens), Ok(oauth)) = (record.tokens(), self.services.accounts.oauth()) else { return };
        let (token, kind) = if tokens.refresh_token.expose().is_empty() {
            (tokens.access_token.clone(), TokenKind::Access)
        } else {
            (tokens.refresh_token.clone(), TokenKind::Refresh)
        };
        let oauth = oauth.clone();
        self.services.accounts.aside(async move {
            if let Err(error) = oauth.revoke(&token, kind).await {
                tracing::info!(%error, "the tokens were not revoked");
            }
        });
    }

    /// Ends the login that waits for the user, if there is one, and waits until the client has been told.
    async fn end_pending(&mut self) {
        if let Some(pending) = self.pending.take() {
            pending.end().await;
        }
    }
}

/// Who is signed in, as the client sees it (auth specification 6).
async fn account(services: &Services) -> Result<GetAccountResponse, CoreError> {
    let config = config(services)?;
    let requires_openai_auth = config.model_provider.requires_openai_auth;
    let credential = match requires_openai_auth {
        true => services.accounts.current(&Rules::of(&config)).await,
        false => None,
    };
    Ok(GetAccountResponse {
        account: credential.as_ref().map(Credential::account),
        requires_openai_auth,
        user_id: credential.as_ref().and_then(Credential::user_id),
        workspace_routing: None,
    })
}

/// What the account may still use, asked from its backend (auth specification 15).
async fn limits(services: &Services) -> Result<GetAccountRateLimitsResponse, CoreError> {
    let config = config(services)?;
    let refuse = |text: &str| Err(CoreError::Invalid(text.to_owned()));
    let credential = services.accounts.for_request(&Rules::of(&config)).await;
    let Some((credential, bearer)) = credential.as_ref().and_then(|used| Some((used, used.bearer()?))) else {
        return refuse("sign in with a ChatGPT account to read rate limits");
    };
    if matches!(credential, Credential::ApiKey(_)) {
        return refuse("rate limits belong to ChatGPT accounts, and an API key is in use");
    }
    rate_limits::ask(services, &config.chatgpt_base_url, bearer, credential.account_id()).await
}
