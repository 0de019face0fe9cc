//! What can go wrong with a model call, and whether and when the turn may try again (backend.md 5). Knows nothing
//! about the error words of the client's wire: whoever holds a turn maps the kinds.

use std::time::Duration;

use app_server_http::shown_url;
use reqwest::header::HeaderMap;
use reqwest::{StatusCode, Url};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::rate_limits::{RateLimitHeaders, text};

/// A failed model call.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct ModelError {
    /// What happened, as far as a caller acts differently.
    pub kind: ModelErrorKind,
    /// For people. Holds no credentials, but may hold what the server wrote.
    pub message: String,
    /// The status of the answer, when there was an answer and it was refused.
    pub http_status: Option<u16>,
    /// How long the server asks to wait.
    pub retry_after: Option<Duration>,
    /// The limits the refusing answer named; they count like those of any other answer.
    pub rate_limits: Option<Box<RateLimitHeaders>>,
}

/// Why a model call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelErrorKind {
    /// The history does not fit into the model's window.
    ContextWindowExceeded,
    /// The account's limit is used up.
    UsageLimit {
        /// The plan the server named.
        plan_type: Option<String>,
        /// When the limit is lifted, in Unix seconds.
        resets_at: Option<i64>,
    },
    /// The account has no quota, or its plan does not include the model.
    QuotaExceeded,
    /// Too fast; the server expects another try.
    RateLimited,
    /// The model is at capacity.
    Overloaded,
    /// No capacity left in the chosen service tier.
    FlexUnavailable,
    /// Refused for reasons of cyber security.
    CyberPolicy,
    /// Refused because of the prompt; the message is the server's.
    InvalidPrompt,
    /// 400: the server does not accept the request; the message is its body.
    InvalidRequest,
    /// 400 without a usable body.
    BadRequest,
    /// 400: an image in the request is not one. The turn may replace the images of the last tool output and retry.
    InvalidImage,
    /// 404: there is no such model.
    ModelNotFound,
    /// 401: the credential is not accepted.
    Unauthorized,
    /// There is no credential any more that could be accepted: somebody has to sign in.
    SignInNeeded,
    /// New tokens were needed and are not to be had now.
    NoNewTokens {
        /// Whether another try may find them.
        may_retry: bool,
    },
    /// Any other status that is not a success.
    UnexpectedStatus,
    /// 500.
    InternalServerError,
    /// 429 for another reason than a usage limit.
    TooManyRequests,
    /// The answer ended early, or the server failed on the way.
    StreamClosed,
    /// The server ended the answer early on purpose; another try would end the same way.
    Incomplete,
    /// The server was silent for too long.
    IdleTimeout,
    /// There was no answer at all: name not found, connection refused, TLS failed, ...
    Connect,
    /// The environment variable that should hold the key is not set.
    MissingKey,
    /// The provider cannot be used as it is configured: a bad URL, an unreadable certificate bundle.
    InvalidProvider,
    /// Nothing was asked: something the turn needs besides the model is not there.
    Unusable,
    /// The caller cancelled the call.
    Cancelled,
}

/// The delay before the first retry; it doubles with each.
const FIRST_DELAY: Duration = Duration::from_millis(200);
/// More doublings than this make no difference: the count of retries is capped by the configuration.
const MAX_DOUBLINGS: u32 = 12;
/// What is shown of a body that is not JSON.
const MAX_SHOWN_BODY_BYTES: usize = 2000;

/// Returns the delay before the given retry (1 is the first): 200 ms doubling, 10 % more or less.
pub(crate) fn backoff(retry: u32) -> Duration {
    let doubled = FIRST_DELAY * 2u32.pow(retry.saturating_sub(1).min(MAX_DOUBLINGS));
    doubled.mul_f64(0.9 + 0.2 * fastrand::f64())
}

impl ModelError {
    /// Makes an error without an answer behind it.
    pub(crate) fn new(kind: ModelErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), http_status: None, retry_after: None, rate_limits: None }
    }

    /// Says that the variable which should hold the key is not set; `instructions` is the provider's own hint.
    pub fn missing_key(variable: &str, instructions: Option<&str>) -> Self {
        let hint = instructions.map(|text| format!(" {text}")).unwrap_or_default();
        Self::new(
            ModelErrorKind::MissingKey,
            format!("the environment variable {variable}, which should hold the API key, is not set.{hint}"),
        )
    }

    /// Says that the provider cannot be used as it is configured.
    pub fn invalid_provider(message: impl Into<String>) -> Self {
        Self::new(ModelErrorKind::InvalidProvider, message)
    }

    /// Says why the model is not asked at all.
    pub fn unusable(message: impl Into<String>) -> Self {
        Self::new(ModelErrorKind::Unusable, message)
    }

    /// Says that there is no credential any more that could be accepted.
    pub fn sign_in_needed(message: impl Into<String>) -> Self {
        Self::new(ModelErrorKind::SignInNeeded, message)
    }

    /// Says that new tokens were needed and are not to be had now.
    pub fn no_new_tokens(message: impl Into<String>, may_retry: bool) -> Self {
        Self::new(ModelErrorKind::NoNewTokens { may_retry }, message)
    }

    /// The error of a call that was given up.
    pub fn cancelled() -> Self {
        Self::new(ModelErrorKind::Cancelled, "the model call was cancelled")
    }

    pub(crate) fn stream_closed(cause: impl std::fmt::Display) -> Self {
        Self::new(ModelErrorKind::StreamClosed, format!("the model's answer broke off: {cause}"))
    }

    pub(crate) fn unreachable(url: &Url, reason: &str) -> Self {
        let shown = shown_url(url);
        Self::new(ModelErrorKind::Connect, format!("cannot reach the model's server at {shown}: {reason}"))
    }

    pub(crate) fn idle(timeout: Duration) -> Self {
        Self::new(
            ModelErrorKind::IdleTimeout,
            format!("the model's server sent nothing for {} ms", timeout.as_millis()),
        )
    }

    /// Says whether the turn may build the request again and retry.
    pub fn retryable(&self) -> bool {
        use ModelErrorKind as Kind;
        match &self.kind {
            Kind::RateLimited
            | Kind::UnexpectedStatus
            | Kind::InternalServerError
            | Kind::StreamClosed
            | Kind::IdleTimeout
            | Kind::Connect => true,
            Kind::NoNewTokens { may_retry } => *may_retry,
            Kind::ContextWindowExceeded
            | Kind::UsageLimit { .. }
            | Kind::QuotaExceeded
            | Kind::Overloaded
            | Kind::FlexUnavailable
            | Kind::CyberPolicy
            | Kind::InvalidPrompt
            | Kind::InvalidRequest
            | Kind::BadRequest
            | Kind::InvalidImage
            | Kind::ModelNotFound
            | Kind::Unauthorized
            | Kind::SignInNeeded
            | Kind::TooManyRequests
            | Kind::Incomplete
            | Kind::MissingKey
            | Kind::InvalidProvider
            | Kind::Unusable
            | Kind::Cancelled => false,
        }
    }

    /// Returns how long the turn waits before the given retry (1 is the first): what the server asked for, else
    /// 200 ms doubling, 10 % more or less.
    pub fn retry_delay(&self, retry: u32) -> Duration {
        self.retry_after.unwrap_or_else(|| backoff(retry))
    }

    /// Makes the error of a `response.failed` event.
    pub(crate) fn response_failed(code: Option<&str>, message: Option<&str>) -> Self {
        let said = message.filter(|message| !message.is_empty());
        if let Some(error) = code.and_then(|code| by_code(code, said)) {
            return error;
        }
        Self::stream_closed(said.unwrap_or("the server failed without saying why"))
    }

    /// The error of a conversation that no longer fits.
    pub(crate) fn window_exceeded() -> Self {
        Self::response_failed(Some("context_length_exceeded"), None)
    }

    /// Makes the error that a server of the Chat Completions API says in place of a chunk: an object or a text.
    pub(crate) fn said_in_stream(error: &RawValue) -> Self {
        let error = serde_json::from_str(error.get()).unwrap_or_else(|_| WireError {
            message: serde_json::from_str(error.get()).ok(),
            ..WireError::default()
        });
        let code = error.code.as_deref().or(error.kind.as_deref());
        Self::response_failed(code, error.message.as_deref())
    }

    /// Makes the error of a `response.incomplete` event. A content filter may decide otherwise the next time; a
    /// length limit will not (observed).
    pub(crate) fn incomplete(reason: &str) -> Self {
        let kind = if reason == "content_filter" {
            ModelErrorKind::StreamClosed
        } else {
            ModelErrorKind::Incomplete
        };
        Self::new(kind, format!("the model's answer is incomplete, reason: {reason}"))
    }

    /// Makes the error of an answer that is not a success. `url` is as it may be shown.
    pub(crate) fn status(status: StatusCode, headers: &HeaderMap, body: &[u8], url: &str) -> Self {
        let body = Body::parse(body);
        let error = match status.as_u16() {
            400 => bad_request(&body),
            401 => Self::new(ModelErrorKind::Unauthorized, unexpected(status, &body, headers, url)),
            404 if body.code() == Some("model_not_found") => {
                Self::new(ModelErrorKind::ModelNotFound, body.said().unwrap_or("there is no such model"))
            }
            429 => too_many_requests(status, &body, headers),
            500 => Self::new(
                ModelErrorKind::InternalServerError,
                format!("the model's server has a problem{}", with_ids(headers, body.said())),
            ),
            503 => match body.code() {
                Some(code @ ("server_is_overloaded" | "slow_down")) => by_code(code, body.said()),
                _ => None,
            }
            .unwrap_or_else(|| {
                Self::new(ModelErrorKind::UnexpectedStatus, unexpected(status, &body, headers, url))
            }),
            _ => Self::new(ModelErrorKind::UnexpectedStatus, unexpected(status, &body, headers, url)),
        };
        let retry_after = match &error.kind {
            ModelErrorKind::RateLimited => error.retry_after.or_else(|| retry_after_header(headers)),
            _ => None,
        };
        Self {
            http_status: Some(status.as_u16()),
            retry_after,
            rate_limits: Some(Box::new(RateLimitHeaders::parse(headers))),
            ..error
        }
    }
}

/// The codes that mean the same in a `response.failed` event and in the body of a refusal.
fn by_code(code: &str, said: Option<&str>) -> Option<ModelError> {
    use ModelErrorKind as Kind;
    let (kind, own_words) = match code {
        "context_length_exceeded" => (
            Kind::ContextWindowExceeded,
            "the conversation no longer fits into the model's context window: start a new thread or compact this one",
        ),
        "insufficient_quota" => {
            (Kind::QuotaExceeded, "the account's quota is used up: check its plan and billing")
        }
        "usage_not_included" => (Kind::QuotaExceeded, "the account's plan does not include this model"),
        "invalid_prompt" | "bio_policy" => (Kind::InvalidPrompt, "the model's server refused the prompt"),
        "cyber_policy" => {
            (Kind::CyberPolicy, "the model's server refused the prompt as a cyber security risk")
        }
        "server_is_overloaded" => {
            (Kind::Overloaded, "the model is at capacity: try again later or choose another one")
        }
        "flex_unavailable" => (Kind::FlexUnavailable, "the service tier has no capacity left"),
        "rate_limit_exceeded" | "slow_down" => (Kind::RateLimited, "too many requests"),
        _ => return None,
    };
    let message = match kind {
        // The server's own words say what is wrong with this very prompt.
        Kind::InvalidPrompt | Kind::CyberPolicy => said.unwrap_or(own_words).to_owned(),
        Kind::RateLimited => said
            .map_or_else(|| "rate limit exceeded".to_owned(), |said| format!("rate limit exceeded: {said}")),
        _ => own_words.to_owned(),
    };
    let retry_after = if kind == Kind::RateLimited { said.and_then(named_delay) } else { None };
    Some(ModelError { retry_after, ..ModelError::new(kind, message) })
}

fn bad_request(body: &Body<'_>) -> ModelError {
    if let Some(code @ ("context_length_exceeded" | "invalid_prompt" | "cyber_policy" | "bio_policy")) =
        body.code()
        && let Some(error) = by_code(code, body.said())
    {
        return error;
    }
    let lower = body.text.to_ascii_lowercase();
    if lower.contains("image data") && lower.contains("not represent a valid image") {
        return ModelError::new(
            ModelErrorKind::InvalidImage,
            "the request holds an image that the model's server cannot read",
        );
    }
    if body.text.trim().is_empty() {
        return ModelError::new(
            ModelErrorKind::BadRequest,
            "the model's server did not accept the request and did not say why (400 Bad Request)",
        );
    }
    ModelError::new(ModelErrorKind::InvalidRequest, body.text.as_ref())
}

fn too_many_requests(status: StatusCode, body: &Body<'_>, headers: &HeaderMap) -> ModelError {
    let error = &body.error;
    match (error.kind.as_deref(), error.code.as_deref()) {
        (Some("usage_limit_reached"), _) => {
            let plan =
                error.plan_type.as_deref().map(|plan| format!(" of the plan {plan}")).unwrap_or_default();
            let kind = ModelErrorKind::UsageLimit {
                plan_type: error.plan_type.as_deref().map(str::to_owned),
                resets_at: error.resets_at,
            };
            return ModelError::new(kind, format!("the usage limit{plan} is reached"));
        }
        (Some(code @ "usage_not_included"), _)
        | (_, Some(code @ ("usage_not_included" | "insufficient_quota"))) => {
            if let Some(error) = by_code(code, body.said()) {
                return error;
            }
        }
        _ => {}
    }
    // The January reference had a kind of its own for this; today's clients do not know it.
    let said = match text(headers, "x-codex-model-cap-model") {
        Some(model) => Some(format!("the model {model} is at capacity")),
        None => body.said().map(str::to_owned),
    };
    ModelError::new(
        ModelErrorKind::TooManyRequests,
        format!("the model's server answers {status}{}", with_ids(headers, said.as_deref())),
    )
}

fn unexpected(status: StatusCode, body: &Body<'_>, headers: &HeaderMap, url: &str) -> String {
    // A firewall's page: its markup would be no help.
    let said = if status == StatusCode::FORBIDDEN && body.is_cloudflare_block() {
        "Cloudflare blocks this connection, perhaps because of the region it comes from"
    } else {
        body.said().unwrap_or("no reason given")
    };
    let mut message = format!("unexpected status {status}: {said}, url: {url}");
    if let Some(ray) = text(headers, "cf-ray") {
        message.push_str(&format!(", cf-ray: {ray}"));
    }
    if let Some(id) = request_id(headers) {
        message.push_str(&format!(", request id: {id}"));
    }
    message
}

fn with_ids(headers: &HeaderMap, said: Option<&str>) -> String {
    let said = said.map(|said| format!(": {said}")).unwrap_or_default();
    let id = request_id(headers).map(|id| format!(", request id: {id}")).unwrap_or_default();
    said + &id
}

/// Returns the id under which the server's people find a request.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<&str> {
    text(headers, "x-request-id").or_else(|| text(headers, "x-oai-request-id"))
}

fn retry_after_header(headers: &HeaderMap) -> Option<Duration> {
    Duration::try_from_secs_f64(text(headers, "retry-after")?.parse().ok()?).ok()
}

/// Finds "try again in N s|ms|seconds" in a message, in any case.
fn named_delay(message: &str) -> Option<Duration> {
    const PHRASE: &str = "try again in";
    // Same length as the message, so an index into one is an index into the other.
    let lower = message.to_ascii_lowercase();
    let rest = lower[lower.find(PHRASE)? + PHRASE.len()..].trim_start();
    let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let number: f64 = rest[..digits].parse().ok()?;
    let unit = rest[digits..].trim_start();
    let unit = &unit[..unit.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(unit.len())];
    let seconds = match unit {
        "ms" => number / 1000.0,
        "s" | "second" | "seconds" => number,
        _ => return None,
    };
    Duration::try_from_secs_f64(seconds).ok()
}

/// The body of a refusal, as far as it is understood.
struct Body<'a> {
    text: std::borrow::Cow<'a, str>,
    error: WireError,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct WireError {
    message: Option<String>,
    #[serde(deserialize_with = "code")]
    code: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    plan_type: Option<String>,
    resets_at: Option<i64>,
}

/// A word; some servers repeat the status here, which says nothing.
fn code<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(serde_json::Value::deserialize(deserializer)?.as_str().map(str::to_owned))
}

impl<'a> Body<'a> {
    fn parse(body: &'a [u8]) -> Self {
        /// Servers write `{"error":{..}}`, `{"error":"text"}` or `{"detail":"text"}`.
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Shape {
            Object { error: WireError },
            Text { error: String },
            Detail { detail: String },
        }
        let error = match serde_json::from_slice(body) {
            Ok(Shape::Object { error }) => error,
            Ok(Shape::Text { error: text } | Shape::Detail { detail: text }) => {
                WireError { message: Some(text), ..WireError::default() }
            }
            Err(_) => WireError::default(),
        };
        Self { text: String::from_utf8_lossy(body), error }
    }

    fn code(&self) -> Option<&str> {
        self.error.code.as_deref()
    }

    /// Returns the server's message, else the body itself, cut to a length one can read.
    fn said(&self) -> Option<&str> {
        let message = self.error.message.as_deref().map(str::trim).filter(|message| !message.is_empty());
        message.or_else(|| {
            let text = self.text.trim();
            let end = text.floor_char_boundary(MAX_SHOWN_BODY_BYTES);
            Some(&text[..end]).filter(|text| !text.is_empty())
        })
    }

    fn is_cloudflare_block(&self) -> bool {
        self.text.contains("Cloudflare") && self.text.contains("blocked")
    }
}

#[cfg(test)]
mod tests;
