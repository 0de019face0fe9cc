//! The credential of model calls: the API key of `auth.json`. The file is read again at every turn, because another
//! process may change it at any time. Signing in, refreshing and other stores are not here yet.

use std::path::{Path, PathBuf};

use app_server_http::Secret;
use serde::Deserialize;

/// Reads the stored credential.
#[derive(Debug)]
pub(crate) struct Auth {
    path: PathBuf,
}

/// A stored credential in the form a model call needs.
#[derive(Debug, Default)]
pub(crate) struct Credential {
    /// The API key, or the access token of an account.
    pub(crate) bearer: Option<Secret>,
    /// The account the token belongs to.
    pub(crate) account_id: Option<String>,
    /// Whether the bearer is an account's token and not an API key, which decides the default base URL.
    pub(crate) is_account: bool,
}

#[derive(Deserialize)]
struct AuthFile {
    #[serde(rename = "OPENAI_API_KEY", default)]
    api_key: Option<String>,
    #[serde(default)]
    tokens: Option<Tokens>,
}

#[derive(Deserialize)]
struct Tokens {
    access_token: String,
    #[serde(default)]
    account_id: Option<String>,
}

impl Auth {
    pub(crate) fn new(codex_home: &Path) -> Self {
        Auth { path: codex_home.join("auth.json") }
    }

    /// Returns what is stored; a missing or unreadable file holds no credential. The key wins over tokens
    /// (auth specification, "auth.json").
    pub(crate) fn credential(&self) -> Credential {
        let Ok(bytes) = std::fs::read(&self.path) else { return Credential::default() };
        let file: AuthFile = match serde_json::from_slice(&bytes) {
            Ok(file) => file,
            Err(error) => {
                // Not the text of the error's place: it could quote the secret.
                tracing::warn!(line = error.line(), "auth.json is not readable");
                return Credential::default();
            }
        };
        match (file.api_key, file.tokens) {
            (Some(key), _) if !key.trim().is_empty() => {
                Credential { bearer: Some(Secret::new(key.trim())), account_id: None, is_account: false }
            }
            (_, Some(tokens)) => Credential {
                bearer: Some(Secret::new(tokens.access_token)),
                account_id: tokens.account_id,
                is_account: true,
            },
            _ => Credential::default(),
        }
    }
}

/// Says how somebody is signed in, in words; `None` when nobody is.
pub fn signed_in(codex_home: &Path) -> Option<&'static str> {
    let credential = Auth::new(codex_home).credential();
    credential.bearer.map(|_| if credential.is_account { "ChatGPT" } else { "an API key" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, bearer: Option<&str>, is_account: bool) {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("auth.json"), json).unwrap();
        let credential = Auth::new(home.path()).credential();
        assert_eq!(credential.bearer.as_ref().map(Secret::expose), bearer, "{json}");
        assert_eq!(credential.is_account, is_account, "{json}");
    }

    #[test]
    fn what_auth_json_holds() {
        check(r#"{"OPENAI_API_KEY":"sk-1"}"#, Some("sk-1"), false);
        check(r#"{"OPENAI_API_KEY":"sk-1","tokens":{"access_token":"t"}}"#, Some("sk-1"), false);
        check(r#"{"OPENAI_API_KEY":null,"tokens":{"access_token":"t","account_id":"a"}}"#, Some("t"), true);
        check(r#"{"OPENAI_API_KEY":null}"#, None, false);
        check("not json", None, false);
    }
}
