//! Refreshing, revoking and asking for an API key, against a scripted issuer.

#[path = "common/calls.rs"]
mod common;

use app_server_http::Secret;
use app_server_oauth::{PermanentReason, RefreshError, RefreshedTokens, TokenKind};
use app_server_test_support::model::{Answer, MockModel};
use common::client;
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

async fn refresh(answer: Answer) -> (Result<RefreshedTokens, RefreshError>, MockModel) {
    let server = MockModel::start([answer]).await;
    let result = client(&server).refresh(&Secret::new("old-refresh")).await;
    (result, server)
}

#[tokio::test]
async fn a_refresh_names_the_program_and_sends_the_token_once() {
    let body = json!({ "access_token": "new-access", "refresh_token": "new-refresh" });
    let (result, server) = refresh(Answer::json(200, &body)).await;
    let expected = RefreshedTokens {
        id_token: None,
        access_token: Some(Secret::new("new-access")),
        refresh_token: Some(Secret::new("new-refresh")),
    };
    assert_eq!(result, Ok(expected));
    let [request] = &server.requests()[..] else { panic!("one request") };
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/oauth/token"));
    assert_eq!(request.header("originator"), Some("tests"));
    assert_eq!(request.header("user-agent"), Some("tests/1.0"));
    assert_eq!(
        request.body,
        json!({
            "client_id": "client-1",
            "grant_type": "refresh_token",
            "refresh_token": "old-refresh",
            "scope": "openid profile email",
        })
    );
}

#[tokio::test]
async fn what_is_empty_replaces_nothing() {
    let body = json!({ "id_token": "", "access_token": "new-access", "refresh_token": "" });
    let (result, _server) = refresh(Answer::json(200, &body)).await;
    let access_token = Some(Secret::new("new-access"));
    assert_eq!(result, Ok(RefreshedTokens { access_token, ..RefreshedTokens::default() }));
}

#[tokio::test]
async fn refusals_are_classed_by_code_and_status() {
    use PermanentReason::{Expired, Other, Reused, Revoked};
    let nested = |code: &str| json!({ "error": { "code": code, "message": "no" } });
    let flat = |code: &str| json!({ "error": code });
    let top = |code: &str| json!({ "code": code });
    let table: [(u16, Value, Option<PermanentReason>); 12] = [
        (401, nested("refresh_token_expired"), Some(Expired)),
        (401, nested("refresh_token_reused"), Some(Reused)),
        (401, nested("refresh_token_invalidated"), Some(Revoked)),
        (401, flat("REFRESH_TOKEN_REUSED"), Some(Reused)),
        (401, top("Refresh_Token_Expired"), Some(Expired)),
        (401, nested("something_else"), Some(Other)),
        (401, json!("not an object"), Some(Other)),
        (400, nested("refresh_token_reused"), Some(Reused)),
        (403, top("refresh_token_invalidated"), Some(Revoked)),
        (400, flat("invalid_grant"), None),
        (500, json!({}), None),
        (429, nested("slow_down"), None),
    ];
    for (status, body, expected) in table {
        let (result, _server) = refresh(Answer::json(status, &body)).await;
        let reason = match result {
            Err(RefreshError::Permanent { reason, .. }) => Some(reason),
            Err(RefreshError::Transient { message }) => {
                assert!(message.contains(&status.to_string()), "{message}");
                None
            }
            Ok(_) => panic!("{status} {body} is no success"),
        };
        assert_eq!(reason, expected, "{status} {body}");
    }
}

#[tokio::test]
async fn what_is_no_answer_may_work_later() {
    for answer in [Answer::text(200, "<html>"), Answer::text(401, "").cut(), Answer::hang_up()] {
        let (result, _server) = refresh(answer).await;
        // A 401 that was cut short is classed by its status if it came at all.
        assert!(result.is_err(), "{result:?}");
    }
    let (result, _server) = refresh(Answer::text(200, &"x".repeat(300 * 1024))).await;
    let Err(RefreshError::Transient { message }) = result else { panic!("{result:?}") };
    assert_eq!(message, "the answer has more than 256 KiB");
}

#[tokio::test]
async fn tokens_do_not_follow_a_redirect_to_another_host() {
    let other = MockModel::start([]).await;
    for status in [301, 302, 303, 307, 308] {
        let to = format!("http://127.0.0.1:{}/oauth/token", other.port());
        let (result, _server) = refresh(Answer::text(status, "").header("location", to)).await;
        let Err(RefreshError::Transient { message }) = result else { panic!("{result:?}") };
        assert_eq!(message, "the issuer points to another host, which is not asked");
    }
    assert_eq!(other.connections_seen(), 0);
}

#[tokio::test]
async fn errors_show_the_issuers_words_and_no_tokens() {
    let words = format!("try\u{1b}[31m later {}", "x".repeat(1000));
    let (result, _server) = refresh(Answer::json(503, &json!({ "error_description": words }))).await;
    let message = result.unwrap_err().to_string();
    assert!(message.starts_with("the issuer answered with status 503: try [31m later x"), "{message}");
    assert!(message.len() < 400 && !message.contains("old-refresh"), "{message}");
}

#[tokio::test]
async fn an_issuer_that_repeats_the_token_is_not_quoted() {
    let words = "old-refresh is not known; send something else than old-refresh";
    let (result, _server) = refresh(Answer::json(500, &json!({ "message": words }))).await;
    let expected =
        "the issuer answered with status 500: [redacted] is not known; send something else than [redacted]";
    assert_eq!(result.unwrap_err().to_string(), expected);
}

#[tokio::test]
async fn revoking_says_which_kind_of_token_it_is() {
    let server = MockModel::start([Answer::json(200, &json!({})), Answer::json(500, &json!({}))]).await;
    let client = client(&server);
    client.revoke(&Secret::new("r-1"), TokenKind::Refresh).await.unwrap();
    let refused = client.revoke(&Secret::new("a-1"), TokenKind::Access).await.unwrap_err();
    assert_eq!(refused.to_string(), "the issuer answered with status 500");
    let [first, second] = &server.requests()[..] else { panic!("two requests") };
    assert_eq!(first.path, "/oauth/revoke");
    assert_eq!(first.header("originator"), Some("tests"));
    assert_eq!(
        first.body,
        json!({ "token": "r-1", "token_type_hint": "refresh_token", "client_id": "client-1" })
    );
    assert_eq!(second.body, json!({ "token": "a-1", "token_type_hint": "access_token" }));
}

#[tokio::test]
async fn an_api_key_is_asked_for_with_the_id_token_and_may_be_refused() {
    let key = json!({ "access_token": "sk-made" });
    let answers = [Answer::json(200, &key), Answer::json(403, &json!({})), Answer::text(200, "no")];
    let server = MockModel::start(answers).await;
    let client = client(&server);
    let id_token = Secret::new("id.to.ken");
    assert_eq!(client.api_key_for(&id_token).await, Some(Secret::new("sk-made")));
    assert_eq!(client.api_key_for(&id_token).await, None);
    assert_eq!(client.api_key_for(&id_token).await, None);
    let request = &server.requests()[0];
    assert_eq!(request.header("originator"), None, "exchanges do not name the program");
    let expected = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&client_id=client-1\
                    &requested_token=openai-api-key&subject_token=id.to.ken\
                    &subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aid_token";
    assert_eq!(request.body, Value::String(expected.to_owned()));
}
