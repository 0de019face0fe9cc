//! What the account may still use (auth specification 15, backend specification 9).

use app_server_test_support::issuer::Endpoint;
use app_server_test_support::{Person, Reply};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use super::{AccountScene, log_in, log_in_by_key};

const METHOD: &str = "account/rateLimits/read";

/// What a backend says.
fn usage() -> Value {
    json!({
        "plan_type": "pro",
        "rate_limit": {
            "allowed": true,
            "limit_reached": false,
            "primary_window": {
                "used_percent": 25, "limit_window_seconds": 901, "reset_after_seconds": 10, "reset_at": 1730947200,
            },
            "secondary_window": {
                "used_percent": 5, "limit_window_seconds": 604800, "reset_after_seconds": 10, "reset_at": 1730950000,
            },
        },
        "credits": {"has_credits": true, "unlimited": false, "balance": "9.5"},
    })
}

/// The members of a limit that are looked at; others may be there.
fn essence(limit: &Value) -> Value {
    let names = ["limitId", "limitName", "primary", "secondary", "credits", "planType"];
    names
        .into_iter()
        .map(|name| (name.to_owned(), limit[name].clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[test]
fn limits_are_asked_of_the_accounts_backend() {
    let scene = AccountScene::new();
    let tokens = scene.sign_in();
    scene.issuer.set_usage(usage());
    let mut server = scene.server();
    let read = server.request(METHOD, Value::Null);
    let expected = json!({
        "limitId": "codex",
        "limitName": null,
        "primary": {"usedPercent": 25, "windowDurationMins": 16, "resetsAt": 1730947200},
        "secondary": {"usedPercent": 5, "windowDurationMins": 10080, "resetsAt": 1730950000},
        "credits": {"hasCredits": true, "unlimited": false, "balance": "9.5"},
        "planType": "pro",
    });
    assert_eq!(essence(&read["rateLimits"]), expected);
    assert_eq!(read["rateLimitsByLimitId"].as_object().unwrap().len(), 1);
    assert_eq!(read["rateLimitsByLimitId"]["codex"], read["rateLimits"]);
    assert_eq!(read["rateLimitResetCredits"], Value::Null);
    assert_eq!(server.request(METHOD, json!({})), read);

    let requests = scene.issuer.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!((requests[0].method.as_str(), requests[0].path.as_str()), ("GET", "/backend-api/wham/usage"));
    assert_eq!(requests[0].header("authorization").unwrap(), format!("Bearer {}", tokens.access_token));
    assert_eq!(requests[0].header("chatgpt-account-id"), Some("acct-1"));
    assert!(requests[0].header("user-agent").unwrap().starts_with("probe/"));
}

#[test]
fn further_limits_and_what_a_backend_leaves_out() {
    let scene = AccountScene::new();
    scene.sign_in();
    let mut server = scene.server();
    let mut further = usage();
    further["additional_rate_limits"] = json!([{
        "metered_feature": "codex_spark",
        "limit_name": "Spark",
        "rate_limit": {"primary_window": {"used_percent": 7, "limit_window_seconds": 0, "reset_at": 1}},
    }]);
    further["credits"] = Value::Null;
    scene.issuer.set_usage(further);
    let read = server.request(METHOD, Value::Null);
    let limits = read["rateLimitsByLimitId"].as_object().unwrap();
    assert_eq!(limits.keys().collect::<Vec<_>>(), ["codex", "codex_spark"]);
    let spark = essence(&limits["codex_spark"]);
    assert_eq!((&spark["limitId"], &spark["limitName"]), (&json!("codex_spark"), &json!("Spark")));
    assert_eq!(spark["primary"], json!({"usedPercent": 7, "windowDurationMins": null, "resetsAt": 1}));
    assert_eq!(read["rateLimits"]["limitId"], "codex");

    for bare in [json!({}), json!({"plan_type": null, "rate_limit": null, "credits": null})] {
        scene.issuer.set_usage(bare);
        let read = server.request(METHOD, Value::Null);
        let limit = essence(&read["rateLimits"]);
        assert_eq!((&limit["limitId"], &limit["primary"]), (&json!("codex"), &Value::Null));
    }
    scene.issuer.set_usage(json!({"plan_type": "of the future"}));
    assert_eq!(server.request(METHOD, Value::Null)["rateLimits"]["planType"], "unknown");
}

#[test]
fn a_backend_of_ones_own_is_asked_at_its_own_path() {
    let scene = AccountScene::new();
    scene.sign_in();
    let config = scene.home.home().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("/backend-api", "/team/")).unwrap();
    scene.issuer.set_usage(usage());
    let mut server = scene.server();
    server.request(METHOD, Value::Null);
    assert_eq!(scene.issuer.requests()[0].path, "/team/api/codex/usage");
}

#[test]
fn only_accounts_have_limits() {
    let scene = AccountScene::new();
    let mut server = scene.server();
    assert_eq!(server.request_error(METHOD, Value::Null)["code"], -32600);
    log_in_by_key(&mut server, "sk-1");
    assert_eq!(server.request_error(METHOD, Value::Null)["code"], -32600);
    assert!(scene.issuer.requests().is_empty());

    let tokens = scene.issuer.issue(&Person::default(), None);
    let params = json!({
        "type": "chatgptAuthTokens", "accessToken": tokens.access_token, "chatgptAccountId": "acct-7",
    });
    log_in(&mut server, params);
    server.request(METHOD, Value::Null);
    assert_eq!(scene.issuer.requests()[0].header("chatgpt-account-id"), Some("acct-7"));
}

#[test]
fn a_backend_that_fails_is_named_and_asked_once() {
    let scene = AccountScene::new();
    scene.sign_in();
    let mut server = scene.server();
    let replies = [
        Reply::text(500, "broken"),
        Reply::json(401, &json!({"error": {"message": "refused"}})),
        Reply::text(200, "<html>"),
        Reply::json(200, &json!("a text")),
        Reply::hang_up(),
    ];
    for (index, reply) in replies.into_iter().enumerate() {
        scene.issuer.script(Endpoint::Usage, reply);
        let error = server.request_error(METHOD, Value::Null);
        assert_eq!(error["code"], -32603, "{error}");
        assert!(!error["message"].as_str().unwrap().is_empty());
        assert_eq!(scene.issuer.requests().len(), index + 1);
    }
    scene.issuer.refuse(Endpoint::Usage, 503, "busy");
    let error = server.request_error(METHOD, Value::Null);
    assert!(error["message"].as_str().unwrap().contains("503"), "{error}");
}

#[test]
fn a_token_near_its_end_is_renewed_first() {
    let scene = AccountScene::new();
    scene.sign_in_as(&Person::default(), 0, Some(60));
    let mut server = scene.server();
    server.request(METHOD, Value::Null);
    let new = scene.auth()["tokens"]["access_token"].as_str().unwrap().to_owned();
    let asked = scene.issuer.requests_to(Endpoint::Usage).remove(0);
    assert_eq!(asked.header("authorization").unwrap(), format!("Bearer {new}"));
    assert_eq!(scene.issuer.requests_to(Endpoint::Refresh).len(), 1);
}

#[test]
fn what_was_asked_is_answered_after_the_end_of_the_input() {
    let scene = AccountScene::new();
    scene.sign_in();
    let mut server = scene.server();
    let ids: Vec<Value> = (0..20)
        .flat_map(|_| [(METHOD, Value::Null), ("account/read", json!({"refreshToken": true}))])
        .map(|(method, params)| server.start_request(method, params))
        .collect();
    server.connection().close_input();
    server.expect_exit();
    for id in &ids {
        assert!(server.answer(id).get("result").is_some());
    }
}
