//! Which of the issuer's endpoints a request is for.

use serde_json::Value;

use super::form;
use crate::model::RecordedRequest;

/// An endpoint, as a test tells them apart: one URL serves three kinds of token request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Endpoint {
    /// `POST /oauth/token` with an authorization code.
    CodeExchange,
    /// `POST /oauth/token` for an API key.
    KeyExchange,
    /// `POST /oauth/token` with a refresh token.
    Refresh,
    /// `POST /oauth/revoke`.
    Revoke,
    /// `POST /api/accounts/deviceauth/usercode`.
    UserCode,
    /// `POST /api/accounts/deviceauth/token`.
    DeviceToken,
    /// `GET …/wham/usage` and `GET …/api/codex/usage`.
    Usage,
    /// Anything else, which is refused.
    Other,
}

impl Endpoint {
    /// Returns the endpoint a request is for.
    pub fn of(request: &RecordedRequest) -> Self {
        let path = request.path.split('?').next().unwrap_or_default();
        match (request.method.as_str(), path) {
            ("POST", "/oauth/token") => match parameter(&request.body, "grant_type").as_deref() {
                Some("authorization_code") => Self::CodeExchange,
                Some("refresh_token") => Self::Refresh,
                Some("urn:ietf:params:oauth:grant-type:token-exchange") => Self::KeyExchange,
                _ => Self::Other,
            },
            ("POST", "/oauth/revoke") => Self::Revoke,
            ("POST", "/api/accounts/deviceauth/usercode") => Self::UserCode,
            ("POST", "/api/accounts/deviceauth/token") => Self::DeviceToken,
            ("GET", path) if path.ends_with("/wham/usage") || path.ends_with("/api/codex/usage") => {
                Self::Usage
            }
            _ => Self::Other,
        }
    }
}

/// Returns a parameter of a body, be it JSON or a form.
pub(super) fn parameter(body: &Value, name: &str) -> Option<String> {
    match body {
        Value::String(form) => form::value(&form::pairs(form), name).map(str::to_owned),
        body => body[name].as_str().map(str::to_owned),
    }
}
