//! What a JWT says of its owner. A token is decoded and never verified: it came from the issuer over TLS or from the
//! user's own file, and whoever honours it verifies it. This module must not know where tokens come from.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::{Map, Value};

/// The claim that holds what the issuer says of an account.
const AUTH: &str = "https://api.openai.com/auth";
/// The claim that holds the email in tokens that have none at the top.
const PROFILE: &str = "https://api.openai.com/profile";

/// The claims in use (auth specification 5). One that is missing, empty or of another type than expected is absent:
/// a token is not refused for what it does not say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Claims {
    /// The account's email.
    pub(crate) email: Option<String>,
    /// The plan in the issuer's words.
    pub(crate) plan: Option<String>,
    /// The user, who may be in several workspaces.
    pub(crate) user_id: Option<String>,
    /// The workspace, which requests name in a header of their own.
    pub(crate) account_id: Option<String>,
    /// Whether requests are routed apart.
    pub(crate) is_fedramp: bool,
    /// When the token ends.
    pub(crate) expires_at: Option<Timestamp>,
}

/// The text is no JWT. It is not quoted: it may be a secret nonetheless.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum InvalidToken {
    #[error("the token does not have three parts")]
    Parts,
    #[error("the second part of the token is not a JSON object in base64url")]
    Payload,
}

impl Claims {
    /// Reads the claims of a token: three parts that are not empty, of which the second is a JSON object in base64url
    /// without padding (auth specification 5).
    pub(crate) fn parse(jwt: &str) -> Result<Self, InvalidToken> {
        let parts: Vec<&str> = jwt.split('.').collect();
        let [header, payload, signature] = parts[..] else { return Err(InvalidToken::Parts) };
        if header.is_empty() || payload.is_empty() || signature.is_empty() {
            return Err(InvalidToken::Parts);
        }
        let json = BASE64_URL_SAFE_NO_PAD.decode(payload).map_err(|_| InvalidToken::Payload)?;
        let claims: Map<String, Value> = serde_json::from_slice(&json).map_err(|_| InvalidToken::Payload)?;
        Ok(Self::of(&claims))
    }

    fn of(claims: &Map<String, Value>) -> Self {
        let none = Map::new();
        let object = |name: &str| claims.get(name).and_then(Value::as_object).unwrap_or(&none);
        let auth = object(AUTH);
        Claims {
            email: text(claims, "email").or_else(|| text(object(PROFILE), "email")),
            plan: text(auth, "chatgpt_plan_type"),
            user_id: text(auth, "chatgpt_user_id").or_else(|| text(auth, "user_id")),
            account_id: text(auth, "chatgpt_account_id"),
            is_fedramp: auth.get("chatgpt_account_is_fedramp").and_then(Value::as_bool).unwrap_or_default(),
            expires_at: claims.get("exp").and_then(moment),
        }
    }
}

fn text(claims: &Map<String, Value>, name: &str) -> Option<String> {
    claims.get(name)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Unix seconds, with or without a fraction, which does not count.
fn moment(value: &Value) -> Option<Timestamp> {
    // A float beyond the range of the integer becomes its end, which is no moment.
    #[expect(clippy::cast_possible_truncation, reason = "the fraction is to go")]
    let seconds = value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64))?;
    Timestamp::from_second(seconds).ok()
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use serde_json::json;

    use super::*;

    fn jwt(payload: &str) -> String {
        format!("e30.{}.c2ln", BASE64_URL_SAFE_NO_PAD.encode(payload))
    }

    #[track_caller]
    fn check(payload: &Value, expected: Claims) {
        assert_eq!(Claims::parse(&jwt(&payload.to_string())), Ok(expected), "{payload}");
    }

    #[test]
    fn all_claims() {
        check(
            &json!({
                "email": "a@example.com", "exp": 1_800_000_000,
                PROFILE: {"email": "other@example.com"},
                AUTH: {
                    "chatgpt_plan_type": "pro", "chatgpt_user_id": "u1", "user_id": "u2", "chatgpt_account_id": "a1",
                    "chatgpt_account_is_fedramp": true,
                },
            }),
            Claims {
                email: Some("a@example.com".into()),
                plan: Some("pro".into()),
                user_id: Some("u1".into()),
                account_id: Some("a1".into()),
                is_fedramp: true,
                expires_at: Some(Timestamp::from_second(1_800_000_000).unwrap()),
            },
        );
    }

    #[test]
    fn claims_in_their_other_places() {
        check(
            &json!({PROFILE: {"email": "b@example.com"}, AUTH: {"user_id": "u2"}}),
            Claims { email: Some("b@example.com".into()), user_id: Some("u2".into()), ..Claims::default() },
        );
    }

    #[test]
    fn what_is_missing_or_of_another_type_is_absent() {
        check(&json!({}), Claims::default());
        check(&json!({"email": "", AUTH: null, PROFILE: "x", "exp": null}), Claims::default());
        check(&json!({"email": ["a"], AUTH: ["a"], PROFILE: {"email": 5}, "exp": "soon"}), Claims::default());
        check(
            &json!({AUTH: {"chatgpt_plan_type": 1, "chatgpt_account_id": "", "chatgpt_user_id": {},
                "chatgpt_account_is_fedramp": "true"}}),
            Claims::default(),
        );
        // One of another type does not hide its alias.
        check(
            &json!({"email": 5, PROFILE: {"email": "b@example.com"}, AUTH: {"chatgpt_user_id": 5, "user_id": "u2"}}),
            Claims { email: Some("b@example.com".into()), user_id: Some("u2".into()), ..Claims::default() },
        );
    }

    #[test]
    fn moments() {
        for (exp, seconds) in [
            ("0", Some(0)),
            ("-1", Some(-1)),
            ("1800000000", Some(1_800_000_000)),
            ("1800000000.75", Some(1_800_000_000)),
            ("1.8e9", Some(1_800_000_000)),
            ("18446744073709551615", None),
            ("99999999999999", None),
            ("-99999999999999", None),
            ("1e300", None),
            ("\"1800000000\"", None),
            ("true", None),
        ] {
            let claims = Claims::parse(&jwt(&format!(r#"{{"exp":{exp}}}"#))).unwrap();
            assert_eq!(claims.expires_at.map(Timestamp::as_second), seconds, "{exp}");
        }
    }

    #[test]
    fn what_is_no_token() {
        let payload = BASE64_URL_SAFE_NO_PAD.encode("{}");
        assert_eq!(payload, "e30");
        for text in ["", "a", "a.b", "a.e30", ".e30.c", "a..c", "a.e30.", "..", "a.e30.c.d", "a.e30.c."] {
            assert_eq!(Claims::parse(text), Err(InvalidToken::Parts), "{text}");
        }
        // Padding, the other alphabet, white space, text, no UTF-8, and JSON that is no object.
        for payload in ["e30=", "e3 0", "++++", "not-json", "_w", "W10", "NQ", "IiI", "bnVsbA", "eyJh"] {
            assert_eq!(Claims::parse(&format!("a.{payload}.c")), Err(InvalidToken::Payload), "{payload}");
        }
        assert_eq!(Claims::parse("a.e30.c"), Ok(Claims::default()));
    }

    #[test]
    fn an_error_does_not_quote_the_token() {
        for text in ["hunter2", "a.hunter2.c"] {
            let error = Claims::parse(text).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"));
        }
    }
}
