//! Tokens as an account's issuer makes them, and the clock they are dated by. Nothing is signed: whoever reads these
//! tokens decodes them and trusts the connection they came over.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

/// The claim that holds what is known of the account (auth specification 5).
const AUTH_CLAIM: &str = "https://api.openai.com/auth";

/// Somebody who has an account with the issuer. What is `None` is not said in the tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The address.
    pub email: Option<String>,
    /// The plan, as it is claimed.
    pub plan: Option<String>,
    /// The workspace.
    pub account_id: Option<String>,
    /// The user.
    pub user_id: Option<String>,
}

impl Default for Person {
    /// `user@example.com`, on plan `pro`, user `user-1` of workspace `acct-1`.
    fn default() -> Self {
        Self {
            email: Some("user@example.com".to_owned()),
            plan: Some("pro".to_owned()),
            account_id: Some("acct-1".to_owned()),
            user_id: Some("user-1".to_owned()),
        }
    }
}

impl Person {
    /// The same person in another workspace.
    #[must_use]
    pub fn of_workspace(mut self, account_id: &str) -> Self {
        self.account_id = Some(account_id.to_owned());
        self
    }

    /// The same person on another plan.
    #[must_use]
    pub fn on_plan(mut self, plan: &str) -> Self {
        self.plan = Some(plan.to_owned());
        self
    }

    /// Returns the claims of a token about this person; `expires_at` is in Unix seconds.
    pub fn claims(&self, expires_at: Option<i64>) -> Value {
        let mut auth = Map::new();
        let known = [
            ("chatgpt_plan_type", &self.plan),
            ("chatgpt_account_id", &self.account_id),
            ("chatgpt_user_id", &self.user_id),
        ];
        for (name, value) in known {
            if let Some(value) = value {
                auth.insert(name.to_owned(), json!(value));
            }
        }
        let mut claims = json!({AUTH_CLAIM: auth});
        if let Some(email) = &self.email {
            claims["email"] = json!(email);
        }
        if let Some(expires_at) = expires_at {
            claims["exp"] = json!(expires_at);
        }
        claims
    }
}

/// What a person gets for signing in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedTokens {
    /// Says who it is.
    pub id_token: String,
    /// Goes with requests.
    pub access_token: String,
    /// Is exchanged for new tokens, once.
    pub refresh_token: String,
    /// The workspace.
    pub account_id: Option<String>,
}

impl IssuedTokens {
    /// Returns the body of a token response.
    pub fn response(&self) -> Value {
        json!({
            "id_token": self.id_token,
            "access_token": self.access_token,
            "refresh_token": self.refresh_token,
        })
    }

    /// Returns the stored form: the content of an `auth.json` that was refreshed at `last_refresh` (RFC 3339).
    pub fn stored(&self, last_refresh: &str) -> Value {
        json!({
            "auth_mode": "chatgpt",
            "OPENAI_API_KEY": null,
            "tokens": {
                "id_token": self.id_token,
                "access_token": self.access_token,
                "refresh_token": self.refresh_token,
                "account_id": self.account_id,
            },
            "last_refresh": last_refresh,
        })
    }
}

/// Returns a token with these claims: three parts, none of them empty, the last no signature.
pub fn jwt(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{}", part(&json!({"alg": "none", "typ": "JWT"})), part(claims), "bm9uZQ")
}

/// Returns the Unix time this many seconds from now, or ago if negative.
pub fn unix_in(seconds: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    i64::try_from(now).unwrap_or(i64::MAX).saturating_add(seconds)
}

/// Returns the time so many days ago as `last_refresh` is written.
pub fn days_ago(days: i64) -> String {
    let seconds = unix_in(-days * 24 * 60 * 60);
    jiff::Timestamp::from_second(seconds).unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_say_what_is_known() {
        let token = jwt(&Person::default().claims(Some(7)));
        let parts: Vec<&str> = token.split('.').collect();
        assert_eq!(parts.len(), 3);
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
        assert_eq!(
            claims,
            json!({
                "email": "user@example.com",
                "exp": 7,
                AUTH_CLAIM: {
                    "chatgpt_plan_type": "pro", "chatgpt_account_id": "acct-1", "chatgpt_user_id": "user-1",
                },
            })
        );
        let nobody = Person { email: None, plan: None, account_id: None, user_id: None };
        assert_eq!(nobody.claims(None), json!({AUTH_CLAIM: {}}));
        assert!(days_ago(9).ends_with('Z') && days_ago(9) < days_ago(0));
    }
}
