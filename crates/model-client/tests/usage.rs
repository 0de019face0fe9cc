//! The usage call against a scripted backend on loopback: what is sent, what comes back, what is a failure.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use app_server_http::Secret;
use app_server_model_client::{AccountUsage, UsageCall, UsageError};
use app_server_test_support::{Answer, MockModel};
use common::client;
use expect_test::expect;
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

const TOKEN: &str = "token-that-nobody-may-see";
const PATH: &str = "/backend-api/wham/usage";

async fn ask(base: &str) -> Result<AccountUsage, UsageError> {
    let bearer = Secret::new(TOKEN);
    let call = UsageCall {
        chatgpt_base_url: base,
        bearer: &bearer,
        account_id: Some("acct-1"),
        user_agent: "probe/0.1",
    };
    client().usage(&call).await
}

fn base(model: &MockModel) -> String {
    format!("http://127.0.0.1:{}/backend-api/", model.port())
}

async fn backend(answer: Answer) -> MockModel {
    let model = MockModel::start([]).await;
    model.route(PATH, answer);
    model
}

/// What a backend's answer is taken for.
async fn outcome(answer: Answer) -> Result<AccountUsage, UsageError> {
    let model = backend(answer).await;
    let outcome = ask(&base(&model)).await;
    assert_eq!(model.requests().len(), 1, "asked once, whatever comes of it");
    outcome
}

fn documented() -> Value {
    json!({
        "plan_type": "pro",
        "rate_limit": {
            "allowed": true,
            "limit_reached": false,
            "primary_window": {
                "used_percent": 25,
                "limit_window_seconds": 901,
                "reset_after_seconds": 10,
                "reset_at": 1730947200,
            },
            "secondary_window": null,
        },
        "credits": {"has_credits": true, "unlimited": false, "balance": "9.5"},
    })
}

#[tokio::test]
async fn the_documented_answer() {
    let model = backend(Answer::json(200, &documented())).await;
    let usage = ask(&base(&model)).await.unwrap();
    expect![[r#"
        AccountUsage {
            plan: Some(
                "pro",
            ),
            main: RateLimitSnapshot {
                limit_id: "codex",
                limit_name: None,
                primary: Some(
                    Window {
                        used_percent: 25.0,
                        window_minutes: Some(
                            16,
                        ),
                        resets_at: Some(
                            1730947200,
                        ),
                    },
                ),
                secondary: None,
                credits: Some(
                    Credits {
                        has_credits: true,
                        unlimited: false,
                        balance: Some(
                            "9.5",
                        ),
                    },
                ),
                reached_type: None,
            },
            others: [],
            spend_control: None,
        }
    "#]]
    .assert_debug_eq(&usage);

    let sent = &model.requests()[0];
    assert_eq!((sent.method.as_str(), sent.path.as_str()), ("GET", PATH));
    assert_eq!(sent.header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
    assert_eq!(sent.header("chatgpt-account-id"), Some("acct-1"));
    assert_eq!(sent.header("user-agent"), Some("probe/0.1"));
    assert_eq!(sent.header("originator"), None);
}

#[tokio::test]
async fn further_limits_and_what_a_workspace_allows() {
    let mut answer = documented();
    answer["additional_rate_limits"] = json!([
        {
            "metered_feature": "codex_spark",
            "limit_name": "Spark",
            "rate_limit": {"secondary_window": {"used_percent": 7.5, "limit_window_seconds": 0}},
        },
        {"metered_feature": "codex_other", "limit_name": null, "rate_limit": null},
        {"limit_name": "without an id"},
    ]);
    answer["rate_limit_reached_type"] = json!("workspace_member_usage_limit_reached");
    answer["spend_control"] = json!({
        "reached": true,
        "individual_limit": {"limit": "20", "used": 20.5, "remaining_percent": 0, "reset_at": 1730947200},
    });
    let usage = outcome(Answer::json(200, &answer)).await.unwrap();
    expect![[r#"
        (
            [
                RateLimitSnapshot {
                    limit_id: "codex_spark",
                    limit_name: Some(
                        "Spark",
                    ),
                    primary: None,
                    secondary: Some(
                        Window {
                            used_percent: 7.5,
                            window_minutes: None,
                            resets_at: None,
                        },
                    ),
                    credits: None,
                    reached_type: None,
                },
                RateLimitSnapshot {
                    limit_id: "codex_other",
                    limit_name: None,
                    primary: None,
                    secondary: None,
                    credits: None,
                    reached_type: None,
                },
            ],
            Some(
                "workspace_member_usage_limit_reached",
            ),
            Some(
                SpendControl {
                    reached: Some(
                        true,
                    ),
                    individual_limit: Some(
                        SpendLimit {
                            limit: "20",
                            used: "20.5",
                            remaining_percent: 0,
                            resets_at: 1730947200,
                        },
                    ),
                },
            ),
        )
    "#]]
    .assert_debug_eq(&(usage.others, usage.main.reached_type, usage.spend_control));
}

#[tokio::test]
async fn an_account_without_id_and_a_backend_of_ones_own() {
    let model = MockModel::start([]).await;
    model.route("/team/api/codex/usage", Answer::json(200, &json!({})));
    let bearer = Secret::new(TOKEN);
    let base = format!("http://127.0.0.1:{}/team", model.port());
    let call =
        UsageCall { chatgpt_base_url: &base, bearer: &bearer, account_id: None, user_agent: "probe/0.1" };
    assert_eq!(client().usage(&call).await.unwrap().plan, None);
    assert_eq!(model.requests()[0].header("chatgpt-account-id"), None);
}

#[tokio::test]
async fn a_refusal_is_named_by_its_status_and_not_tried_again() {
    for status in [204, 400, 401, 403, 404, 429, 500, 503] {
        let answer = Answer::json(status, &json!({"error": {"message": TOKEN}}));
        let expected = match status {
            // Success without an answer.
            204 => UsageError::Json { line: 1, column: 0 },
            status => UsageError::Status(status),
        };
        let error = outcome(answer).await.unwrap_err();
        assert_eq!(error, expected);
        assert!(!format!("{error} {error:?}").contains(TOKEN));
    }
}

#[tokio::test]
async fn json_that_is_not_understood_is_named_by_its_place() {
    let error = outcome(Answer::json(200, &json!({"plan_type": {"token": TOKEN}}))).await.unwrap_err();
    assert!(matches!(error, UsageError::Json { line: 1, .. }), "{error:?}");
    assert!(!format!("{error} {error:?}").contains(TOKEN));
    let error = outcome(Answer::text(200, "<html>")).await.unwrap_err();
    assert_eq!(error, UsageError::Json { line: 1, column: 1 });
}

#[tokio::test]
async fn a_redirect_to_another_host_is_not_followed() {
    let elsewhere = backend(Answer::json(200, &documented())).await;
    for status in [301, 302, 307, 308] {
        let location = format!("http://127.0.0.1:{}{PATH}", elsewhere.port());
        let answer = Answer::text(status, "").header("location", location);
        assert_eq!(outcome(answer).await.unwrap_err(), UsageError::Status(status));
    }
    assert_eq!(elsewhere.connections_seen(), 0);
}

#[tokio::test]
async fn a_redirect_within_the_host_is_followed() {
    let model = backend(Answer::text(307, "").header("location", "/moved")).await;
    model.route("/moved", Answer::json(200, &documented()));
    assert_eq!(ask(&base(&model)).await.unwrap().plan.as_deref(), Some("pro"));
}

#[tokio::test]
async fn how_much_is_read_of_an_answer() {
    let of_size = |bytes: usize| {
        let empty = r#"{"plan_type":""}"#.len();
        Answer::json(200, &json!({"plan_type": "p".repeat(bytes - empty)}))
    };
    assert!(outcome(of_size(1024 * 1024)).await.is_ok());
    assert_eq!(outcome(of_size(1024 * 1024 + 1)).await.unwrap_err(), UsageError::TooLong);
}

#[tokio::test]
async fn nobody_there() {
    let model = MockModel::start([]).await;
    let base = base(&model);
    drop(model);
    let error = ask(&base).await.unwrap_err();
    assert!(matches!(error, UsageError::Unreachable(_)), "{error:?}");
    let error = outcome(Answer::hang_up()).await.unwrap_err();
    assert!(matches!(error, UsageError::Unreachable(_)), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_does_not_answer() {
    let model = backend(Answer::stall()).await;
    assert_eq!(ask(&base(&model)).await.unwrap_err(), UsageError::TimedOut);
}

#[tokio::test]
async fn what_cannot_be_sent_is_not_shown() {
    let bearer = Secret::new(format!("{TOKEN}\n"));
    let call = UsageCall {
        chatgpt_base_url: "https://user:pass@backend.example",
        bearer: &bearer,
        account_id: None,
        user_agent: "probe/0.1",
    };
    let error = client().usage(&call).await.unwrap_err();
    expect!["the usage request cannot be made: the access token has characters that HTTP does not allow"]
        .assert_eq(&error.to_string());
}
