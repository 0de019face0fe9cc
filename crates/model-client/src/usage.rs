//! What an account may still use, asked from its backend (backend.md 9). Knows nothing about who is signed in, nor about
//! how the answer is shown: percentages, plans and words stay as they came.

use std::time::Duration;

use app_server_http::{BodyError, HttpClient, Secret, read_body, reason};
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::timeout;

use crate::client::ModelClient;
use crate::rate_limits::{Credits, MAIN_LIMIT_ID, RateLimitSnapshot, Window};

/// How long the backend has for its whole answer.
const LIMIT: Duration = Duration::from_secs(10);

/// How much of an answer is read. A real one has a few hundred bytes.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// What the path of a backend's base URL holds if the backend is that of ChatGPT.
const CHATGPT_PATH: &str = "/backend-api";

/// Who asks whom.
pub struct UsageCall<'a> {
    /// The setting `chatgpt_base_url`.
    pub chatgpt_base_url: &'a str,
    /// The account's access token.
    pub bearer: &'a Secret,
    /// The account, when it is known.
    pub account_id: Option<&'a str>,
    /// Sent as `user-agent`.
    pub user_agent: &'a str,
}

/// What the backend said. Every part may be unknown.
#[derive(Debug, Clone, PartialEq)]
pub struct AccountUsage {
    /// The account's plan, as the backend calls it.
    pub plan: Option<String>,
    /// The limit that applies to agents, with the account's credits and why the limit was reached.
    pub main: RateLimitSnapshot,
    /// Further limits, in the backend's order.
    pub others: Vec<RateLimitSnapshot>,
    /// What the workspace lets this user spend.
    pub spend_control: Option<SpendControl>,
}

/// What a workspace lets one of its users spend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpendControl {
    /// Whether all of it is spent.
    pub reached: Option<bool>,
    /// The limit of this user alone.
    pub individual_limit: Option<SpendLimit>,
}

/// An amount a user may spend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpendLimit {
    /// The whole amount, as the backend wrote it.
    pub limit: String,
    /// What is spent of it, as the backend wrote it.
    pub used: String,
    /// What is left of it.
    pub remaining_percent: i64,
    /// When it starts anew, in Unix seconds.
    pub resets_at: i64,
}

/// Why there is no answer. Names neither the token nor anything the backend wrote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    /// The settings or the token cannot be made into a request.
    #[error("the usage request cannot be made: {0}")]
    Request(String),
    /// No answer, or one that broke off.
    #[error("the account's backend cannot be reached: {0}")]
    Unreachable(String),
    /// No whole answer in time.
    #[error("the account's backend took longer than {} s", LIMIT.as_secs())]
    TimedOut,
    /// Another status than success. Redirects within the host were followed by then.
    #[error("the account's backend answered with status {0}")]
    Status(u16),
    /// The answer is too long to be one.
    #[error("the account's backend answered with more than {MAX_ANSWER_BYTES} bytes")]
    TooLong,
    /// The answer is not the JSON it should be. Its place is named and not its words, which are the backend's.
    #[error("the account's backend answered with JSON that is not understood (line {line}, column {column})")]
    Json {
        /// Where reading stopped, counted from 1.
        line: usize,
        /// Where reading stopped in that line.
        column: usize,
    },
}

impl ModelClient {
    /// Asks an account's backend what the account may still use. Asked once: there are no retries, and a redirect to
    /// another host is a failure, because the token is not meant for it.
    ///
    /// # Errors
    /// Every failure; see [`UsageError`].
    pub async fn usage(&self, call: &UsageCall<'_>) -> Result<AccountUsage, UsageError> {
        let answer =
            timeout(LIMIT, fetch(&self.http, call)).await.map_err(|_elapsed| UsageError::TimedOut)??;
        let answer: Answer = serde_json::from_slice(&answer)
            .map_err(|error| UsageError::Json { line: error.line(), column: error.column() })?;
        Ok(answer.into())
    }
}

async fn fetch(http: &HttpClient, call: &UsageCall<'_>) -> Result<Vec<u8>, UsageError> {
    let request = |words: String| UsageError::Request(words);
    let url = usage_url(call.chatgpt_base_url)?;
    let client = http.get().await.map_err(|error| request(error.to_string()))?;
    let asked = client.get(url).headers(headers(call)?).build().map_err(|error| request(reason(error)))?;
    let response = client.execute(asked).await.map_err(|error| UsageError::Unreachable(reason(error)))?;
    if !response.status().is_success() {
        return Err(UsageError::Status(response.status().as_u16()));
    }
    read_body(response, MAX_ANSWER_BYTES).await.map_err(|error| match error {
        BodyError::TooLong(_) => UsageError::TooLong,
        BodyError::Broken(reason) => UsageError::Unreachable(reason),
    })
}

/// No originator: the reference does not send one here (auth.md 12).
fn headers(call: &UsageCall<'_>) -> Result<HeaderMap, UsageError> {
    let value = |what: &str, value: &str| {
        HeaderValue::from_str(value).map_err(|_invalid| {
            UsageError::Request(format!("the {what} has characters that HTTP does not allow"))
        })
    };
    let mut bearer = value("access token", &format!("Bearer {}", call.bearer.expose()))?;
    bearer.set_sensitive(true);
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, bearer);
    headers.insert(USER_AGENT, value("user agent", call.user_agent)?);
    if let Some(account_id) = call.account_id {
        headers.insert(HeaderName::from_static("chatgpt-account-id"), value("account id", account_id)?);
    }
    Ok(headers)
}

/// The two public hosts have their backend below `/backend-api`, whether the setting says so or not. A backend elsewhere
/// that is no copy of theirs has a path of its own.
fn usage_url(chatgpt_base_url: &str) -> Result<Url, UsageError> {
    let mut url = Url::parse(chatgpt_base_url.trim())
        .map_err(|error| UsageError::Request(format!("chatgpt_base_url is not a URL: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(UsageError::Request("chatgpt_base_url is not an HTTP URL".to_owned()));
    }
    let mut path = url.path().trim_end_matches('/').to_owned();
    let is_public =
        url.scheme() == "https" && matches!(url.host_str(), Some("chatgpt.com" | "chat.openai.com"));
    if is_public && !path.contains(CHATGPT_PATH) {
        path.push_str(CHATGPT_PATH);
    }
    path.push_str(if path.contains(CHATGPT_PATH) { "/wham/usage" } else { "/api/codex/usage" });
    url.set_path(&path);
    Ok(url)
}

/// The answer as it is documented, strictly, and what is known of it by name only, leniently: a shape nobody has seen
/// must not cost the user the limits.
#[derive(Deserialize)]
struct Answer {
    plan_type: Option<String>,
    rate_limit: Option<Limit>,
    credits: Option<AnsweredCredits>,
    additional_rate_limits: Option<Vec<AdditionalLimit>>,
    rate_limit_reached_type: Option<Value>,
    spend_control: Option<Value>,
}

#[derive(Deserialize, Default)]
struct Limit {
    primary_window: Option<AnsweredWindow>,
    secondary_window: Option<AnsweredWindow>,
}

#[derive(Deserialize)]
struct AnsweredWindow {
    used_percent: Option<f64>,
    limit_window_seconds: Option<i64>,
    reset_at: Option<i64>,
}

#[derive(Deserialize)]
struct AnsweredCredits {
    has_credits: Option<bool>,
    unlimited: Option<bool>,
    balance: Option<Value>,
}

#[derive(Deserialize)]
struct AdditionalLimit {
    metered_feature: Option<String>,
    limit_name: Option<String>,
    rate_limit: Option<Limit>,
}

impl From<Answer> for AccountUsage {
    fn from(answer: Answer) -> Self {
        let main = RateLimitSnapshot {
            credits: answer.credits.and_then(AnsweredCredits::known),
            reached_type: answer.rate_limit_reached_type.as_ref().and_then(reached_type),
            ..snapshot(MAIN_LIMIT_ID.to_owned(), None, answer.rate_limit)
        };
        // Without an id a limit can be neither told from the others nor merged with what responses say of it.
        let others = answer.additional_rate_limits.unwrap_or_default().into_iter().filter_map(|limit| {
            let id = limit.metered_feature.filter(|id| !id.is_empty() && id != MAIN_LIMIT_ID)?;
            Some(snapshot(id, limit.limit_name, limit.rate_limit))
        });
        Self {
            plan: answer.plan_type,
            main,
            others: others.collect(),
            spend_control: answer.spend_control.as_ref().and_then(spend_control),
        }
    }
}

fn snapshot(limit_id: String, limit_name: Option<String>, limit: Option<Limit>) -> RateLimitSnapshot {
    let limit = limit.unwrap_or_default();
    RateLimitSnapshot {
        limit_id,
        limit_name,
        primary: limit.primary_window.and_then(AnsweredWindow::known),
        secondary: limit.secondary_window.and_then(AnsweredWindow::known),
        credits: None,
        reached_type: None,
    }
}

impl AnsweredWindow {
    fn known(self) -> Option<Window> {
        Some(Window {
            used_percent: self.used_percent?,
            window_minutes: self.limit_window_seconds.and_then(minutes),
            resets_at: self.reset_at,
        })
    }
}

/// Rounds up to minutes; a window without length has none.
fn minutes(seconds: i64) -> Option<i64> {
    (seconds > 0).then(|| (seconds - 1) / 60 + 1)
}

impl AnsweredCredits {
    /// As in headers, both flags are needed.
    fn known(self) -> Option<Credits> {
        Some(Credits {
            has_credits: self.has_credits?,
            unlimited: self.unlimited?,
            balance: self.balance.as_ref().and_then(amount),
        })
    }
}

/// Returns an amount as text: as it was written, be it as a string or as a number.
fn amount(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A word, as in the header of the same meaning, or an object that has it as its `type`.
fn reached_type(value: &Value) -> Option<String> {
    value.as_str().or_else(|| value["type"].as_str()).map(str::to_owned)
}

fn spend_control(value: &Value) -> Option<SpendControl> {
    let control = SpendControl {
        reached: value["reached"].as_bool(),
        individual_limit: spend_limit(&value["individual_limit"]),
    };
    (control.reached.is_some() || control.individual_limit.is_some()).then_some(control)
}

fn spend_limit(value: &Value) -> Option<SpendLimit> {
    Some(SpendLimit {
        limit: amount(&value["limit"])?,
        used: amount(&value["used"])?,
        remaining_percent: value["remaining_percent"].as_i64()?,
        resets_at: value["reset_at"].as_i64()?,
    })
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;

    fn usage(json: &str) -> AccountUsage {
        serde_json::from_str::<Answer>(json).unwrap().into()
    }

    #[test]
    fn where_usage_is_asked() {
        for (base, url) in [
            ("https://chatgpt.com/backend-api/", "https://chatgpt.com/backend-api/wham/usage"),
            ("https://chatgpt.com/backend-api", "https://chatgpt.com/backend-api/wham/usage"),
            ("https://chatgpt.com", "https://chatgpt.com/backend-api/wham/usage"),
            ("https://chatgpt.com//", "https://chatgpt.com/backend-api/wham/usage"),
            (" https://chat.openai.com/ ", "https://chat.openai.com/backend-api/wham/usage"),
            ("http://127.0.0.1:8080/backend-api", "http://127.0.0.1:8080/backend-api/wham/usage"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/api/codex/usage"),
            ("https://proxy.example/codex///", "https://proxy.example/codex/api/codex/usage"),
            ("https://chatgpt.com.example/", "https://chatgpt.com.example/api/codex/usage"),
            ("https://proxy.example/a?team=1", "https://proxy.example/a/api/codex/usage?team=1"),
        ] {
            assert_eq!(usage_url(base).unwrap().as_str(), url, "{base}");
        }
        for base in ["", "chatgpt.com", "file:///backend-api", "https://"] {
            assert!(matches!(usage_url(base), Err(UsageError::Request(_))), "{base}");
        }
    }

    #[test]
    fn minutes_are_rounded_up() {
        let cases = [
            (901, Some(16)),
            (900, Some(15)),
            (60, Some(1)),
            (1, Some(1)),
            (0, None),
            (-60, None),
            (i64::MIN, None),
            (i64::MAX, Some(i64::MAX / 60 + 1)),
        ];
        for (seconds, expected) in cases {
            assert_eq!(minutes(seconds), expected, "{seconds}");
        }
    }

    #[test]
    fn every_part_may_be_missing() {
        let nothing = AccountUsage {
            plan: None,
            main: snapshot("codex".to_owned(), None, None),
            others: Vec::new(),
            spend_control: None,
        };
        for json in [
            "{}",
            r#"{"plan_type":null,"rate_limit":null,"credits":null,"additional_rate_limits":null,
                "rate_limit_reached_type":null,"spend_control":null}"#,
            r#"{"rate_limit":{},"credits":{},"additional_rate_limits":[],"spend_control":{}}"#,
            r#"{"rate_limit":{"primary_window":null,"secondary_window":{}},
                "credits":{"has_credits":true,"unlimited":null},
                "additional_rate_limits":[{},{"metered_feature":""},{"metered_feature":"codex"}]}"#,
            r#"{"rate_limit_reached_type":[1],"spend_control":"none"}"#,
            r#"{"spend_control":{"reached":1,"individual_limit":{"limit":"1","used":"1"}}}"#,
        ] {
            assert_eq!(usage(json), nothing, "{json}");
        }
    }

    #[test]
    fn amounts_and_reasons_have_two_forms() {
        for json in [
            r#"{"credits":{"has_credits":true,"unlimited":false,"balance":"9.5"},
                "rate_limit_reached_type":"rate_limit_reached"}"#,
            r#"{"credits":{"has_credits":true,"unlimited":false,"balance":9.5},
                "rate_limit_reached_type":{"type":"rate_limit_reached"}}"#,
        ] {
            let main = usage(json).main;
            assert_eq!(main.credits.unwrap().balance.as_deref(), Some("9.5"), "{json}");
            assert_eq!(main.reached_type.as_deref(), Some("rate_limit_reached"), "{json}");
        }
    }

    #[test]
    fn what_is_documented_is_read_strictly() {
        for json in [
            r#"[]"#,
            r#"{"plan_type":1}"#,
            r#"{"rate_limit":[]}"#,
            r#"{"rate_limit":{"primary_window":{"used_percent":"25"}}}"#,
            r#"{"additional_rate_limits":{}}"#,
            "not json",
            "",
        ] {
            assert!(serde_json::from_str::<Answer>(json).is_err(), "{json}");
        }
    }
}
