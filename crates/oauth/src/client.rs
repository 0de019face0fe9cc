//! Calls to the issuer.

use std::time::Duration;

use app_server_http::{HttpClient, Secret};
use serde::Deserialize;
use serde_json::json;

use crate::answer::{Answer, client};
use crate::error::{LoginError, OAuthError};
use crate::issuer::Issuer;

/// How long the token endpoint may take.
pub(crate) const CALL_LIMIT: Duration = Duration::from_secs(30);
/// How long revoking may take; nobody waits for it.
const REVOKE_LIMIT: Duration = Duration::from_secs(10);

/// What the end of a login brings.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// Says who signed in.
    pub id_token: Secret,
    /// Goes out with requests.
    pub access_token: Secret,
    /// Gets new tokens, once.
    pub refresh_token: Secret,
}

/// Which kind of token is revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// An access token.
    Access,
    /// A refresh token; what was made from it ends with it.
    Refresh,
}

/// Speaks to the issuer. Clones share the connections.
#[derive(Debug, Clone)]
pub struct OAuthClient {
    pub(crate) http: HttpClient,
    pub(crate) issuer: Issuer,
    pub(crate) originator: String,
    pub(crate) user_agent: String,
}

impl OAuthClient {
    /// Returns a client that has not touched the network yet. `originator` and `user_agent` name the program as in
    /// every other request (auth specification 12); only refreshing and revoking carry them as headers.
    pub fn new(http: HttpClient, issuer: Issuer, originator: String, user_agent: String) -> Self {
        Self { http, issuer, originator, user_agent }
    }

    /// Redeems an authorization code (auth specification 7.2).
    pub(crate) async fn exchange_code(
        &self,
        code: &Secret,
        redirect_uri: &str,
        verifier: &Secret,
    ) -> Result<Tokens, LoginError> {
        /// The answer to a code.
        #[derive(Deserialize)]
        struct Body {
            id_token: String,
            access_token: String,
            refresh_token: String,
        }
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.expose()),
            ("redirect_uri", redirect_uri),
            ("client_id", self.issuer.client_id()),
            ("code_verifier", verifier.expose()),
        ];
        let answer = self.ask_for_tokens(&form, &[code, verifier]).await?;
        let body: Body = answer
            .json()
            .ok_or_else(|| LoginError::Failed("the issuer's answer does not hold the tokens".to_owned()))?;
        Ok(Tokens {
            id_token: Secret::new(body.id_token),
            access_token: Secret::new(body.access_token),
            refresh_token: Secret::new(body.refresh_token),
        })
    }

    /// Asks for an API key of the account. Most accounts have none, so the lack of one is no error.
    pub async fn api_key_for(&self, id_token: &Secret) -> Option<Secret> {
        /// The answer: an API key in the place of an access token.
        #[derive(Deserialize)]
        struct Body {
            access_token: String,
        }
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("client_id", self.issuer.client_id()),
            ("requested_token", "openai-api-key"),
            ("subject_token", id_token.expose()),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token"),
        ];
        match self.ask_for_tokens(&form, &[id_token]).await {
            Ok(answer) => answer.json().map(|body: Body| Secret::new(body.access_token)),
            Err(error) => {
                tracing::debug!(%error, "no API key for the account");
                None
            }
        }
    }

    /// Tells the issuer that a token is not needed any more (auth specification 8).
    ///
    /// # Errors
    /// When the issuer was not reached or refused.
    pub async fn revoke(&self, token: &Secret, kind: TokenKind) -> Result<(), OAuthError> {
        let body = match kind {
            TokenKind::Access => json!({ "token": token.expose(), "token_type_hint": "access_token" }),
            TokenKind::Refresh => json!({
                "token": token.expose(),
                "token_type_hint": "refresh_token",
                "client_id": self.issuer.client_id(),
            }),
        };
        let request = client(&self.http).await?.post(self.issuer.revoke_url().clone()).json(&body);
        let answer = Answer::to(self.named(request), &[token], REVOKE_LIMIT).await?;
        if answer.status.is_success() { Ok(()) } else { Err(answer.refusal()) }
    }

    /// A request that says which program sends it.
    pub(crate) fn named(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        request.header("originator", &self.originator).header("user-agent", &self.user_agent)
    }

    async fn ask_for_tokens(&self, form: &[(&str, &str)], sent: &[&Secret]) -> Result<Answer, OAuthError> {
        let request = client(&self.http).await?.post(self.issuer.token_url()).form(form);
        let answer = Answer::to(request, sent, CALL_LIMIT).await?;
        if answer.status.is_success() { Ok(answer) } else { Err(answer.refusal()) }
    }
}
