//! Tokens for a server: for a code, and for an older token.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use app_server_http::{HttpClient, Secret};
use reqwest::Url;
use serde::Deserialize;

use crate::answer::{Answer, client};
use crate::error::OAuthError;
use crate::refresh::{PermanentReason, RefreshError};

/// How long the issuer may take.
const CALL_LIMIT: Duration = Duration::from_secs(30);

/// What is needed to renew tokens; stored beside them.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceGrant {
    /// Who the issuer knows us as, for this server.
    pub client_id: String,
    /// What proves it, if the issuer gave something.
    pub client_secret: Option<Secret>,
    /// Where tokens are given.
    pub token_endpoint: String,
    /// The server as it is called there.
    pub resource: String,
}

/// Tokens for a server.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceTokens {
    /// Goes out with requests.
    pub access_token: Secret,
    /// Gets new tokens. None: the user signs in again when the other one has ended.
    pub refresh_token: Option<Secret>,
    /// When the access token ends, in milliseconds since 1970, if the issuer said.
    pub expires_at_ms: Option<u64>,
    /// What they are good for, if the issuer said.
    pub scopes: Option<Vec<String>>,
}

/// The answer of a token endpoint.
#[derive(Deserialize)]
struct Body {
    access_token: String,
    refresh_token: Option<String>,
    expires_in: Option<f64>,
    scope: Option<String>,
}

impl Body {
    fn tokens(self) -> ResourceTokens {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let lifetime = |seconds: f64| Duration::try_from_secs_f64(seconds).ok();
        let end = self.expires_in.and_then(lifetime).map(|lifetime| since_1970.saturating_add(lifetime));
        ResourceTokens {
            access_token: Secret::new(self.access_token),
            refresh_token: self.refresh_token.filter(|token| !token.is_empty()).map(Secret::new),
            expires_at_ms: end.map(|end| u64::try_from(end.as_millis()).unwrap_or(u64::MAX)),
            scopes: self.scope.map(|scope| scope.split_whitespace().map(str::to_owned).collect()),
        }
    }
}

/// Redeems a code.
pub(super) async fn redeem(
    http: &HttpClient,
    grant: &ResourceGrant,
    endpoint: &Url,
    code: &Secret,
    redirect_uri: &str,
    verifier: &Secret,
) -> Result<ResourceTokens, OAuthError> {
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.expose()),
        ("redirect_uri", redirect_uri),
        ("code_verifier", verifier.expose()),
    ];
    let answer = ask(http, grant, endpoint, &form, &[code, verifier]).await?;
    if !answer.status.is_success() {
        return Err(answer.refusal());
    }
    let body: Option<Body> = answer.json();
    let body =
        body.ok_or_else(|| OAuthError::Refused("the issuer's answer does not hold a token".to_owned()))?;
    Ok(body.tokens())
}

impl ResourceGrant {
    /// Trades a refresh token for new tokens. Some issuers take each once, so the caller stores what comes back before
    /// anything else. Without a new refresh token the old one stays good.
    ///
    /// # Errors
    /// [`RefreshError::Permanent`] when the user must sign in again.
    pub async fn renew(
        &self,
        http: &HttpClient,
        refresh_token: &Secret,
    ) -> Result<ResourceTokens, RefreshError> {
        let transient = |message: String| RefreshError::Transient { message };
        let endpoint = Url::parse(&self.token_endpoint)
            .map_err(|_| transient("the stored address of the issuer is not a URL".to_owned()))?;
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.expose())];
        let answer = ask(http, self, &endpoint, &form, &[refresh_token])
            .await
            .map_err(|error| transient(error.to_string()))?;
        if !answer.status.is_success() {
            return Err(match answer.error_code().as_deref() {
                Some("invalid_grant" | "invalid_client" | "unauthorized_client") => RefreshError::Permanent {
                    reason: PermanentReason::Other,
                    message: "the sign-in could not be renewed: sign in again".to_owned(),
                },
                _ => transient(answer.refusal().to_string()),
            });
        }
        let body: Option<Body> = answer.json();
        let body = body.ok_or_else(|| transient("the issuer's answer does not hold a token".to_owned()))?;
        let mut tokens = body.tokens();
        tokens.refresh_token.get_or_insert_with(|| refresh_token.clone());
        Ok(tokens)
    }
}

async fn ask(
    http: &HttpClient,
    grant: &ResourceGrant,
    endpoint: &Url,
    form: &[(&str, &str)],
    sent: &[&Secret],
) -> Result<Answer, OAuthError> {
    let mut form = form.to_vec();
    form.push(("client_id", &grant.client_id));
    form.push(("resource", &grant.resource));
    if let Some(secret) = &grant.client_secret {
        form.push(("client_secret", secret.expose()));
    }
    let sent: Vec<&Secret> = sent.iter().copied().chain(&grant.client_secret).collect();
    let request = client(http).await?.post(endpoint.clone()).header("accept", "application/json").form(&form);
    Answer::to(request, &sent, CALL_LIMIT).await
}
