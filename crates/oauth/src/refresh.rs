//! New tokens for a refresh token (auth specification 9).

use app_server_http::Secret;
use serde::Deserialize;
use serde_json::json;

use crate::answer::{Answer, client};
use crate::client::{CALL_LIMIT, OAuthClient};
use crate::error::OAuthError;

/// What the issuer replaces; the rest stays as it was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RefreshedTokens {
    /// Says who signed in.
    pub id_token: Option<Secret>,
    /// Goes out with requests.
    pub access_token: Option<Secret>,
    /// Gets the next tokens, once.
    pub refresh_token: Option<Secret>,
}

/// Why there are no new tokens. The messages are for people and hold no secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefreshError {
    /// The token will not be taken again.
    #[error("{message}")]
    Permanent {
        /// Which of the issuer's reasons.
        reason: PermanentReason,
        /// What to do about it.
        message: String,
    },
    /// It may work later.
    #[error("{message}")]
    Transient {
        /// What happened.
        message: String,
    },
}

/// Why a refresh token is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PermanentReason {
    /// It is too old.
    Expired,
    /// It has been used before; perhaps by another program that shares the home.
    Reused,
    /// It was taken back.
    Revoked,
    /// The issuer did not say.
    Other,
}

impl PermanentReason {
    fn of(code: &str) -> Option<Self> {
        match code {
            "refresh_token_expired" => Some(Self::Expired),
            "refresh_token_reused" => Some(Self::Reused),
            "refresh_token_invalidated" => Some(Self::Revoked),
            _ => None,
        }
    }

    fn message(self) -> &'static str {
        match self {
            Self::Expired => "the sign-in has expired: sign in again",
            Self::Reused => {
                "the sign-in was renewed elsewhere, so the refresh token kept here is spent: sign in again"
            }
            Self::Revoked => "the sign-in was revoked: sign in again",
            Self::Other => "the access token could not be renewed: sign in again",
        }
    }
}

impl OAuthClient {
    /// Trades a refresh token for new tokens. Each can be traded once, so the caller stores what comes back before
    /// anything else.
    ///
    /// # Errors
    /// [`RefreshError`], classed as by the reference of today.
    pub async fn refresh(&self, refresh_token: &Secret) -> Result<RefreshedTokens, RefreshError> {
        let transient = |error: OAuthError| RefreshError::Transient { message: error.to_string() };
        let body = json!({
            "client_id": self.issuer.client_id(),
            "grant_type": "refresh_token",
            "refresh_token": refresh_token.expose(),
            "scope": "openid profile email",
        });
        let http = client(&self.http).await.map_err(transient)?;
        let request = self.named(http.post(self.issuer.refresh_url().clone()).json(&body));
        let answer = Answer::to(request, &[refresh_token], CALL_LIMIT).await.map_err(transient)?;
        if !answer.status.is_success() {
            return Err(refusal(&answer));
        }
        /// The answer; any of them may be missing.
        #[derive(Deserialize)]
        struct Body {
            id_token: Option<String>,
            access_token: Option<String>,
            refresh_token: Option<String>,
        }
        let body: Body = answer.json().ok_or_else(|| RefreshError::Transient {
            message: "the issuer's answer does not hold tokens".to_owned(),
        })?;
        let given = |token: Option<String>| token.filter(|token| !token.is_empty()).map(Secret::new);
        Ok(RefreshedTokens {
            id_token: given(body.id_token),
            access_token: given(body.access_token),
            refresh_token: given(body.refresh_token),
        })
    }
}

fn refusal(answer: &Answer) -> RefreshError {
    let reason = answer.error_code().and_then(|code| PermanentReason::of(&code));
    let is_unauthorized = answer.status == reqwest::StatusCode::UNAUTHORIZED;
    match reason.or(is_unauthorized.then_some(PermanentReason::Other)) {
        Some(reason) => RefreshError::Permanent { reason, message: reason.message().to_owned() },
        None => RefreshError::Transient { message: answer.refusal().to_string() },
    }
}
