//! New tokens for old ones, one at a time: those this server keeps come from the issuer (auth specification 9), those
//! the client brought come from the client (11). It must not decide when; that is `recovery`'s and the turn's.

use std::sync::Arc;
use std::time::Duration;

use app_server_config::CredentialsStore;
use app_server_http::Secret;
use app_server_oauth::{PermanentReason, RefreshError};
use app_server_protocol::v2::{
    ChatgptAuthTokensRefreshParams, ChatgptAuthTokensRefreshReason, ChatgptAuthTokensRefreshResponse,
};
use app_server_protocol::{Request, methods};
use jiff::{SignedDuration, Timestamp};

use super::accounts::Accounts;
use super::claims::Claims;
use super::credential::{Credential, ExternalTokens, Rules};
use super::record::{AuthRecord, NewTokens};
use super::storage::StorageError;

/// A token that ends within this time is renewed before it is used.
const RENEW_BEFORE_END: SignedDuration = SignedDuration::from_mins(5);
/// A token that does not say when it ends is renewed at this age.
const RENEW_AT_AGE: SignedDuration = SignedDuration::from_hours(8 * 24);
/// How long a renewal waits for another process that renews, which may wait for the issuer as long as we would.
const LOCK_LIMIT: Duration = Duration::from_secs(35);
/// How long the client may take to bring new tokens.
const CLIENT_LIMIT: Duration = Duration::from_secs(10);

/// What came of a renewal.
pub(super) type Renewed = Result<Credential, RenewalError>;

/// Why there are no new tokens.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RenewalError {
    /// Somebody has to sign in again.
    #[error("{0}")]
    SignInNeeded(String),
    /// The issuer could not be asked; it may work later.
    #[error("the access token could not be renewed: {0}")]
    IssuerUnavailable(String),
    /// The client did not bring any.
    #[error("the client brought no new tokens: {0}")]
    ClientRefused(String),
}

/// A refresh token the issuer does not take any more.
pub(super) struct Refusal {
    token: Secret,
    error: RenewalError,
}

impl Accounts {
    /// Returns the credential for a request: the one in use, renewed first if its end is near. If that fails the old one
    /// is tried: the server of the model has the last word.
    pub(crate) async fn for_request(self: &Arc<Self>, rules: &Rules) -> Option<Credential> {
        let credential = self.current(rules).await?;
        let Credential::Managed(record) = &credential else { return Some(credential) };
        if !is_due(record, Timestamp::now()) {
            return Some(credential);
        }
        match self.renew(rules, &credential).await {
            Ok(renewed) => Some(renewed),
            Err(error) => {
                tracing::warn!(%error, "a token near its end is used as it is");
                Some(credential)
            }
        }
    }

    /// Replaces a credential that is not accepted or near its end. Whoever asks meanwhile gets the same outcome.
    ///
    /// # Errors
    /// [`RenewalError`]; keys cannot be renewed.
    pub(crate) async fn renew(self: &Arc<Self>, rules: &Rules, used: &Credential) -> Renewed {
        let (accounts, allowed_by) = (Arc::clone(self), rules);
        let (rules, used) = (rules.clone(), used.clone());
        let renewal = async move {
            match used {
                Credential::ApiKey(_) => {
                    Err(RenewalError::SignInNeeded("the API key is not accepted".to_owned()))
                }
                Credential::Managed(ref record) => {
                    accounts.renewing.run(used.clone(), accounts.ask_issuer(&rules, record)).await
                }
                Credential::External(ref tokens) => {
                    accounts.asking.run(used.clone(), accounts.ask_client(&rules, tokens)).await
                }
            }
        };
        // A task of its own: a refresh token counts once, so what it brings must be stored even if the turn is given up.
        let renewed = self.renewals.spawn(renewal).await.unwrap_or_else(|error| {
            tracing::error!(%error, "a renewal was lost");
            Err(RenewalError::IssuerUnavailable("an error in the server".to_owned()))
        })?;
        let allowed = allowed_by.allow(&renewed);
        allowed.map(|()| renewed).map_err(|violation| RenewalError::SignInNeeded(violation.to_string()))
    }

    async fn ask_issuer(&self, rules: &Rules, used: &Arc<AuthRecord>) -> Renewed {
        let store = rules.store;
        // Held until the new tokens are stored, so that processes which share a home ask once.
        let unavailable = |error: StorageError| RenewalError::IssuerUnavailable(error.to_string());
        let _lock = self.lock(store, LOCK_LIMIT).await.map_err(unavailable)?;
        let stored = self.reload(store).await.map_err(unavailable)?;
        let credential = same_account(stored.as_ref(), used)?;
        let Some(token) = used.tokens().map(|tokens| tokens.refresh_token.clone()) else {
            return Err(not_signed_in());
        };
        if stored.is_some_and(|stored| has_other_tokens(&stored, used)) {
            return Ok(credential);
        }
        if let Some(refusal) = self.state().refused.as_ref().filter(|refusal| refusal.token == token) {
            return Err(refusal.error.clone());
        }
        let oauth = self.oauth().map_err(RenewalError::IssuerUnavailable)?;
        match oauth.refresh(&token).await {
            Ok(new) => {
                let new = NewTokens {
                    id_token: new.id_token,
                    access_token: new.access_token,
                    refresh_token: new.refresh_token,
                };
                self.keep_renewed(store, used, new).await
            }
            Err(RefreshError::Transient { message }) => Err(RenewalError::IssuerUnavailable(message)),
            Err(RefreshError::Permanent { reason, message }) => {
                if reason == PermanentReason::Reused
                    && let Ok(Some(stored)) = self.reload(store).await
                    && !has_refresh_token_of(&stored, used)
                {
                    // Somebody who does not know our lock was faster.
                    return same_account(Some(&stored), used);
                }
                let error = RenewalError::SignInNeeded(message);
                self.state().refused = Some(Refusal { token, error: error.clone() });
                Err(error)
            }
        }
    }

    /// Stores renewed tokens, unless somebody has signed in or out meanwhile, or was faster.
    async fn keep_renewed(&self, store: CredentialsStore, used: &Arc<AuthRecord>, new: NewTokens) -> Renewed {
        let now = Timestamp::now();
        // What cannot be read now may be what was used: nothing may be lost for that.
        let base = match self.reload(store).await {
            Ok(stored) => {
                let credential = same_account(stored.as_ref(), used)?;
                match stored.filter(|stored| has_refresh_token_of(stored, used)) {
                    Some(stored) => stored,
                    None => return Ok(credential),
                }
            }
            Err(_) => Arc::clone(used),
        };
        let renewed = base.refreshed(new, now);
        match self.save(store, renewed.clone()).await {
            Ok(record) => Ok(Credential::Managed(record)),
            Err(error) => {
                // The old tokens are worth nothing any more: this process at least can go on.
                tracing::error!(%error, "renewed tokens could not be stored");
                let record = Arc::new(renewed);
                self.use_unsaved(store, &record, base);
                Ok(Credential::Managed(record))
            }
        }
    }

    async fn ask_client(&self, rules: &Rules, used: &Arc<ExternalTokens>) -> Renewed {
        match self.external() {
            Some(tokens) if tokens == *used => {}
            Some(tokens) => return Ok(Credential::External(tokens)),
            None => return Err(not_signed_in()),
        }
        let refused = |words: String| RenewalError::ClientRefused(words);
        let params = ChatgptAuthTokensRefreshParams {
            previous_account_id: used.account_id.clone(),
            reason: ChatgptAuthTokensRefreshReason::Unauthorized,
        };
        let params = serde_json::value::to_raw_value(&params).map_err(|error| refused(error.to_string()))?;
        let question =
            self.host.ask(<methods::server::AccountChatgptAuthTokensRefresh as Request>::METHOD, &params);
        let answer = tokio::time::timeout(CLIENT_LIMIT, question.answer)
            .await
            .map_err(|_elapsed| refused(format!("no answer within {} s", CLIENT_LIMIT.as_secs())))?
            .map_err(|error| refused(error.to_string()))?;
        // Not the text of the error's place: it could quote a token.
        let answer: ChatgptAuthTokensRefreshResponse = serde_json::from_str(answer.get())
            .map_err(|_| refused("its answer does not have the form of tokens".to_owned()))?;
        let tokens = ExternalTokens::new(
            &answer.access_token,
            answer.id_token.as_deref(),
            answer.chatgpt_account_id,
            answer.chatgpt_plan_type,
        )
        .map_err(|error| refused(error.to_string()))?;
        rules
            .allow_workspace(tokens.account_id.as_deref())
            .map_err(|violation| refused(violation.to_string()))?;
        match self.external() {
            Some(now) if now == *used => Ok(self.bring(tokens)),
            Some(now) => Ok(Credential::External(now)),
            None => Err(not_signed_in()),
        }
    }
}

/// Returns what is stored as a credential, if it belongs to the account that was used.
///
/// # Errors
/// Nobody, or somebody else, is signed in by now: nothing must be sent in the name of the one before.
pub(super) fn same_account(
    stored: Option<&Arc<AuthRecord>>,
    used: &Arc<AuthRecord>,
) -> Result<Credential, RenewalError> {
    let stored = stored.and_then(Credential::stored).ok_or_else(not_signed_in)?;
    let used = Credential::Managed(Arc::clone(used));
    if !matches!(stored, Credential::Managed(_)) || stored.workspace() != used.workspace() {
        let words = "somebody else has signed in meanwhile: start the turn again to go on with that account";
        return Err(RenewalError::SignInNeeded(words.to_owned()));
    }
    Ok(stored)
}

/// Says whether somebody else has renewed the tokens that were used.
fn has_other_tokens(stored: &AuthRecord, used: &AuthRecord) -> bool {
    let access_token = |record: &AuthRecord| record.tokens().map(|tokens| tokens.access_token.clone());
    !has_refresh_token_of(stored, used) || access_token(stored) != access_token(used)
}

/// Says whether a record has the refresh token that was used, which is worth nothing from then on.
fn has_refresh_token_of(stored: &AuthRecord, used: &AuthRecord) -> bool {
    let refresh_token = |record: &AuthRecord| record.tokens().map(|tokens| tokens.refresh_token.clone());
    refresh_token(stored) == refresh_token(used)
}

fn not_signed_in() -> RenewalError {
    RenewalError::SignInNeeded("nobody is signed in any more: sign in again".to_owned())
}

/// Says whether tokens should be renewed before they are used (auth specification 9).
fn is_due(record: &AuthRecord, now: Timestamp) -> bool {
    let Some(tokens) = record.tokens() else { return false };
    let ends_at = Claims::parse(tokens.access_token.expose()).ok().and_then(|claims| claims.expires_at);
    match (ends_at, record.last_refresh()) {
        (Some(end), _) => end.duration_since(now) <= RENEW_BEFORE_END,
        (None, Some(renewed)) => now.duration_since(renewed) > RENEW_AT_AGE,
        (None, None) => true,
    }
}
