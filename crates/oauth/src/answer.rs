//! Answers of the issuer, read within limits.

use std::time::Duration;

use app_server_http::{BodyError, HttpClient, Secret, read_body, reason};
use reqwest::{RequestBuilder, StatusCode};
use serde::de::DeserializeOwned;

use crate::error::OAuthError;

/// What is read of an answer. Tokens have a few kilobytes.
const MAX_ANSWER: usize = 256 * 1024;
/// What is shown of a server's own words.
pub(crate) const MAX_SHOWN: usize = 300;

/// An answer, complete.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    body: Vec<u8>,
    /// What the request held; a server that repeats it is not quoted.
    sent: Vec<Secret>,
}

impl Answer {
    /// Sends a request that holds these secrets and reads the answer.
    pub(crate) async fn to(
        request: RequestBuilder,
        sent: &[&Secret],
        limit: Duration,
    ) -> Result<Self, OAuthError> {
        let exchange = async {
            let response = request.send().await.map_err(|error| OAuthError::Unreachable(reason(error)))?;
            let status = response.status();
            if status.is_redirection() {
                return Err(OAuthError::Refused(
                    "the issuer points to another host, which is not asked".to_owned(),
                ));
            }
            let body = read_body(response, MAX_ANSWER).await.map_err(|error| match error {
                BodyError::TooLong(_) => OAuthError::Refused(error.to_string()),
                BodyError::Broken(_) => OAuthError::Unreachable(error.to_string()),
            })?;
            Ok(Self { status, body, sent: sent.iter().copied().cloned().collect() })
        };
        let elapsed =
            |_| OAuthError::Unreachable(format!("the issuer has not answered within {} s", limit.as_secs()));
        tokio::time::timeout(limit, exchange).await.map_err(elapsed)?
    }

    /// The body as JSON, if it is.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The error code, wherever issuers put it (auth specification 9).
    pub(crate) fn error_code(&self) -> Option<String> {
        let body: serde_json::Value = self.json()?;
        let error = &body["error"];
        let code = error["code"].as_str().or_else(|| error.as_str()).or_else(|| body["code"].as_str())?;
        Some(code.to_ascii_lowercase())
    }

    /// What the server said for people. Never the body as it is, which might be the tokens themselves.
    pub(crate) fn words(&self) -> Option<String> {
        let body: serde_json::Value = self.json()?;
        let words = [&body["error_description"], &body["error"]["message"], &body["message"], &body["error"]];
        let words = words.into_iter().find_map(|words| words.as_str())?;
        let mut words = words.to_owned();
        for secret in self.sent.iter().filter(|secret| !secret.expose().is_empty()) {
            words = words.replace(secret.expose(), "[redacted]");
        }
        Some(printable(&words, MAX_SHOWN))
    }

    /// The status and what the server said, as an error.
    pub(crate) fn refusal(&self) -> OAuthError {
        let status = self.status.as_u16();
        OAuthError::Refused(match self.words() {
            Some(words) => format!("the issuer answered with status {status}: {words}"),
            None => format!("the issuer answered with status {status}"),
        })
    }
}

/// Returns the client of the HTTP library, or why there is none.
pub(crate) async fn client(http: &HttpClient) -> Result<&reqwest::Client, OAuthError> {
    http.get().await.map_err(|error| OAuthError::Unreachable(error.to_string()))
}

/// Somebody else's words made fit to be shown: one line of at most so many characters, none of which controls a terminal
/// or hides or reorders others.
pub(crate) fn printable(words: &str, limit: usize) -> String {
    let shown = words.chars().map(|c| if c.is_control() || is_invisible(c) { ' ' } else { c });
    let shown: String = shown.take(limit).collect();
    shown.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
