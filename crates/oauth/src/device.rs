//! The device login: the user types a code at a page of the issuer, on whatever device has a browser (auth
//! specification 7.3).

use std::time::Duration;

use app_server_http::Secret;
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::answer::{Answer, client};
use crate::client::{CALL_LIMIT, OAuthClient, Tokens};
use crate::error::{LoginError, OAuthError};

/// How long the user may take.
const LOGIN_LIMIT: Duration = Duration::from_secs(15 * 60);
/// The issuer is not asked more often than this, whatever it says.
const MIN_INTERVAL: Duration = Duration::from_secs(1);
/// Nor less often than this, so that a mistaken interval does not outlast the login.
const MAX_INTERVAL: Duration = Duration::from_secs(60);

/// Why no device login could be started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// The issuer does not have it.
    #[error("the issuer does not offer signing in with a device code")]
    NotOffered,
    /// The issuer could not be asked.
    #[error("no device code could be had: {0}")]
    Failed(OAuthError),
}

/// A code that waits to be typed.
pub struct DeviceLogin {
    client: OAuthClient,
    device_auth_id: Secret,
    user_code: String,
    verification_url: String,
    interval: Duration,
}

/// The answer to the request for a code.
#[derive(Deserialize)]
struct CodeBody {
    device_auth_id: String,
    #[serde(alias = "usercode")]
    user_code: String,
    /// Seconds, as a string; a number is taken as well.
    #[serde(default)]
    interval: serde_json::Value,
}

/// The answer once the user has agreed.
#[derive(Deserialize)]
struct GrantBody {
    authorization_code: String,
    code_verifier: String,
}

impl DeviceLogin {
    /// Asks the issuer for a code.
    ///
    /// # Errors
    /// When the issuer has no device login, or cannot be asked.
    pub async fn start(client: &OAuthClient) -> Result<Self, DeviceError> {
        let body = json!({ "client_id": client.issuer.client_id() });
        let answer = post(client, "usercode", &body, &[]).await.map_err(DeviceError::Failed)?;
        if answer.status == StatusCode::NOT_FOUND {
            return Err(DeviceError::NotOffered);
        }
        if !answer.status.is_success() {
            return Err(DeviceError::Failed(answer.refusal()));
        }
        let unusable = || {
            DeviceError::Failed(OAuthError::Refused("the issuer's answer does not hold a code".to_owned()))
        };
        let code: CodeBody = answer.json().ok_or_else(unusable)?;
        Ok(Self {
            client: client.clone(),
            device_auth_id: Secret::new(code.device_auth_id),
            user_code: code.user_code,
            verification_url: format!("{}/codex/device", client.issuer.base()),
            interval: interval(&code.interval),
        })
    }

    /// What the user types.
    pub fn user_code(&self) -> &str {
        &self.user_code
    }

    /// Where the user types it.
    pub fn verification_url(&self) -> &str {
        &self.verification_url
    }

    /// Waits until the user has typed the code, and redeems it.
    ///
    /// # Errors
    /// When the login was given up, refused, or took longer than 15 minutes. A connection that fails between two
    /// questions ends nothing: the user may be typing still.
    pub async fn finish(self, cancel: CancellationToken) -> Result<Tokens, LoginError> {
        let login = tokio::time::timeout(LOGIN_LIMIT, self.wait_for_grant());
        let grant = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(LoginError::Cancelled),
            grant = login => grant.map_err(|_elapsed| LoginError::TimedOut)??,
        };
        let redirect_uri = format!("{}/deviceauth/callback", self.client.issuer.base());
        let (code, verifier) = (Secret::new(grant.authorization_code), Secret::new(grant.code_verifier));
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(LoginError::Cancelled),
            tokens = self.client.exchange_code(&code, &redirect_uri, &verifier) => tokens,
        }
    }

    async fn wait_for_grant(&self) -> Result<GrantBody, LoginError> {
        let body = json!({ "device_auth_id": self.device_auth_id.expose(), "user_code": self.user_code });
        loop {
            match post(&self.client, "token", &body, &[&self.device_auth_id]).await {
                Ok(answer) if answer.status.is_success() => {
                    let unusable = "the issuer's answer does not hold an authorization code";
                    return answer.json().ok_or_else(|| LoginError::Failed(unusable.to_owned()));
                }
                Ok(answer) if matches!(answer.status, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND) => {}
                Ok(answer) => return Err(answer.refusal().into()),
                Err(error @ OAuthError::Unreachable(_)) => {
                    tracing::info!(%error, "the issuer will be asked again");
                }
                Err(error) => return Err(error.into()),
            }
            tokio::time::sleep(self.interval).await;
        }
    }
}

async fn post(
    oauth: &OAuthClient,
    endpoint: &str,
    body: &serde_json::Value,
    sent: &[&Secret],
) -> Result<Answer, OAuthError> {
    let url = format!("{}/api/accounts/deviceauth/{endpoint}", oauth.issuer.base());
    Answer::to(client(&oauth.http).await?.post(url).json(body), sent, CALL_LIMIT).await
}

fn interval(given: &serde_json::Value) -> Duration {
    let seconds = given.as_u64().or_else(|| given.as_str()?.trim().parse().ok()).unwrap_or(0);
    Duration::from_secs(seconds).clamp(MIN_INTERVAL, MAX_INTERVAL)
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;

    #[test]
    fn intervals_are_strings_of_seconds_within_reason() {
        let table = [
            (json!("5"), 5),
            (json!(" 7 "), 7),
            (json!(3), 3),
            (json!("0"), 1),
            (json!(null), 1),
            (json!("soon"), 1),
            (json!("100000"), 60),
        ];
        for (given, seconds) in table {
            assert_eq!(interval(&given), Duration::from_secs(seconds), "{given}");
        }
    }
}
