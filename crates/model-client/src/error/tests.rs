//! Refusals of all kinds: what they are taken for and what is shown of them.

use expect_test::{Expect, expect};
use reqwest::header::{HeaderName, HeaderValue};

use super::*;

fn refusal(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> ModelError {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect();
    let status = StatusCode::from_u16(status).unwrap();
    ModelError::status(status, &headers, body.as_bytes(), "http://h/v1/responses")
}

fn shown(error: &ModelError) -> String {
    let retry = if error.retryable() { "retry" } else { "final" };
    let after = error.retry_after.map(|after| format!(" after {after:?}")).unwrap_or_default();
    format!("{:?} {retry}{after}: {error}", error.kind)
}

fn check(status: u16, headers: &[(&'static str, &'static str)], body: &str, expected: &Expect) {
    let error = refusal(status, headers, body);
    assert_eq!(error.http_status, Some(status));
    expected.assert_eq(&shown(&error));
}

#[test]
fn bad_requests() {
    check(
        400,
        &[],
        r#"{"error": {"message": "bad request body", "type": "invalid_request_error"}}"#,
        &expect![[
            r#"InvalidRequest final: {"error": {"message": "bad request body", "type": "invalid_request_error"}}"#
        ]],
    );
    check(
        400,
        &[],
        "",
        &expect![
            "BadRequest final: the model's server did not accept the request and did not say why (400 Bad Request)"
        ],
    );
    check(
        400,
        &[],
        r#"{"error":{"message":"long","code":"context_length_exceeded"}}"#,
        &expect![
            "ContextWindowExceeded final: the conversation no longer fits into the model's context window: start a new thread or compact this one"
        ],
    );
    check(
        400,
        &[],
        r#"{"error":{"message":"inv","code":"invalid_prompt"}}"#,
        &expect!["InvalidPrompt final: inv"],
    );
    check(
        400,
        &[],
        r#"{"error":{"message":"The image data you provided does not represent a valid image."}}"#,
        &expect!["InvalidImage final: the request holds an image that the model's server cannot read"],
    );
}

#[test]
fn other_client_errors() {
    check(
        401,
        &[("x-request-id", "req_1"), ("cf-ray", "ray1")],
        r#"{"error":{"message":"bad key","code":"invalid_api_key"}}"#,
        &expect![
            "Unauthorized final: unexpected status 401 Unauthorized: bad key, url: http://h/v1/responses, cf-ray: ray1, request id: req_1"
        ],
    );
    check(
        403,
        &[("x-oai-request-id", "oai_1")],
        "<html>Cloudflare: you have been blocked</html>",
        &expect![
            "UnexpectedStatus retry: unexpected status 403 Forbidden: Cloudflare blocks this connection, perhaps because of the region it comes from, url: http://h/v1/responses, request id: oai_1"
        ],
    );
    check(
        404,
        &[],
        r#"{"error":{"message":"The model does not exist","code":"model_not_found"}}"#,
        &expect!["ModelNotFound final: The model does not exist"],
    );
    check(
        404,
        &[],
        r#"{"detail":"Not Found"}"#,
        &expect![
            "UnexpectedStatus retry: unexpected status 404 Not Found: Not Found, url: http://h/v1/responses"
        ],
    );
    check(
        422,
        &[],
        "plain",
        &expect![
            "UnexpectedStatus retry: unexpected status 422 Unprocessable Entity: plain, url: http://h/v1/responses"
        ],
    );
    check(
        405,
        &[],
        r#"{"error":"text"}"#,
        &expect![
            "UnexpectedStatus retry: unexpected status 405 Method Not Allowed: text, url: http://h/v1/responses"
        ],
    );
}

#[test]
fn limits() {
    check(
        429,
        &[],
        r#"{"error":{"type":"usage_limit_reached","message":"limit","plan_type":"pro","resets_at":4102444800}}"#,
        &expect![[
            r#"UsageLimit { plan_type: Some("pro"), resets_at: Some(4102444800) } final: the usage limit of the plan pro is reached"#
        ]],
    );
    check(
        429,
        &[],
        r#"{"error":{"type":"usage_not_included"}}"#,
        &expect!["QuotaExceeded final: the account's plan does not include this model"],
    );
    check(
        429,
        &[],
        r#"{"error":{"code":"insufficient_quota","message":"q"}}"#,
        &expect!["QuotaExceeded final: the account's quota is used up: check its plan and billing"],
    );
    check(
        429,
        &[("retry-after", "1"), ("x-request-id", "req_1")],
        r#"{"error":{"message":"slow","code":"rate_limit_exceeded"}}"#,
        &expect![
            "TooManyRequests final: the model's server answers 429 Too Many Requests: slow, request id: req_1"
        ],
    );
    check(
        429,
        &[("x-codex-model-cap-model", "m")],
        "",
        &expect![
            "TooManyRequests final: the model's server answers 429 Too Many Requests: the model m is at capacity"
        ],
    );
    let limited = refusal(429, &[("x-codex-primary-used-percent", "100.0")], "");
    assert_eq!(limited.rate_limits.unwrap().main.primary.unwrap().used_percent, 100.0);
}

#[test]
fn server_errors() {
    check(
        500,
        &[],
        r#"{"error":{"message":"oops"}}"#,
        &expect!["InternalServerError retry: the model's server has a problem: oops"],
    );
    check(
        503,
        &[],
        r#"{"error":{"message":"busy","code":"server_is_overloaded"}}"#,
        &expect!["Overloaded final: the model is at capacity: try again later or choose another one"],
    );
    check(
        503,
        &[("retry-after", "3")],
        r#"{"error":{"message":"busy","code":"slow_down"}}"#,
        &expect!["RateLimited retry after 3s: rate limit exceeded: busy"],
    );
    check(
        502,
        &[("retry-after", "3")],
        "",
        &expect![
            "UnexpectedStatus retry: unexpected status 502 Bad Gateway: no reason given, url: http://h/v1/responses"
        ],
    );
}

#[test]
fn failed_codes() {
    let all: Vec<String> = [
        "context_length_exceeded",
        "insufficient_quota",
        "usage_not_included",
        "invalid_prompt",
        "bio_policy",
        "cyber_policy",
        "server_is_overloaded",
        "flex_unavailable",
        "slow_down",
        "rate_limit_exceeded",
        "something_else",
    ]
    .iter()
    .map(|code| {
        let error = ModelError::response_failed(Some(code), Some("Try again in 1.5s, said the server"));
        assert_eq!(error.http_status, None);
        format!("{code} -> {}\n", shown(&error))
    })
    .collect();
    expect![[r#"
        context_length_exceeded -> ContextWindowExceeded final: the conversation no longer fits into the model's context window: start a new thread or compact this one
        insufficient_quota -> QuotaExceeded final: the account's quota is used up: check its plan and billing
        usage_not_included -> QuotaExceeded final: the account's plan does not include this model
        invalid_prompt -> InvalidPrompt final: Try again in 1.5s, said the server
        bio_policy -> InvalidPrompt final: Try again in 1.5s, said the server
        cyber_policy -> CyberPolicy final: Try again in 1.5s, said the server
        server_is_overloaded -> Overloaded final: the model is at capacity: try again later or choose another one
        flex_unavailable -> FlexUnavailable final: the service tier has no capacity left
        slow_down -> RateLimited retry after 1.5s: rate limit exceeded: Try again in 1.5s, said the server
        rate_limit_exceeded -> RateLimited retry after 1.5s: rate limit exceeded: Try again in 1.5s, said the server
        something_else -> StreamClosed retry: the model's answer broke off: Try again in 1.5s, said the server
    "#]]
    .assert_eq(&all.concat());
}

#[test]
fn delays_named_in_a_message() {
    for (message, expected_ms) in [
        ("Please try again in 28ms.", Some(28)),
        ("Please TRY AGAIN IN 11.054s. See", Some(11_054)),
        ("try again in 35 seconds", Some(35_000)),
        ("é try again in 1 second", Some(1_000)),
        ("try again in 2 minutes", None),
        ("try again in s", None),
        ("try again in 1.2.3s", None),
        ("try again in", None),
        ("try again later", None),
        ("try again in 99999999999999999999999999999999s", None),
    ] {
        assert_eq!(named_delay(message), expected_ms.map(Duration::from_millis), "{message}");
    }
}

#[test]
fn delays_double_and_scatter_a_little() {
    let error = ModelError::stream_closed("x");
    for (retry, middle) in [(1, 200.0), (2, 400.0), (5, 3200.0)] {
        let delay_ms = error.retry_delay(retry).as_secs_f64() * 1000.0;
        assert!((middle * 0.89..=middle * 1.11).contains(&delay_ms), "retry {retry}: {delay_ms}");
    }
    assert!(error.retry_delay(u32::MAX) < Duration::from_secs(3600));
    let asked = ModelError::response_failed(Some("slow_down"), Some("try again in 7s"));
    assert_eq!(asked.retry_delay(3), Duration::from_secs(7));
}

#[test]
fn a_missing_key_names_the_variable() {
    let error = ModelError::missing_key("MY_KEY", Some("Get one at the desk."));
    expect!["MissingKey final: the environment variable MY_KEY, which should hold the API key, is not set. Get one at the desk."].assert_eq(&shown(&error));
}
