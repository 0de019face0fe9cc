//! The device login, against a scripted issuer.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "common/calls.rs"]
mod common;

use app_server_oauth::{DeviceError, DeviceLogin, LoginError};
use app_server_test_support::model::{Answer, Gate, MockModel};
use common::client;
use pretty_assertions::assert_eq;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

fn code() -> Answer {
    Answer::json(200, &json!({ "device_auth_id": "device-1", "user_code": "ABCD-1234", "interval": "0" }))
}

fn grant() -> Answer {
    let body =
        json!({ "authorization_code": "code-1", "code_challenge": "c", "code_verifier": "verifier-1" });
    Answer::json(200, &body)
}

fn tokens() -> Answer {
    Answer::json(200, &json!({ "id_token": "i.d.t", "access_token": "access", "refresh_token": "refresh" }))
}

fn pending(status: u16) -> Answer {
    Answer::json(status, &json!({}))
}

/// One login against the answers.
async fn login(answers: Vec<Answer>) -> (Result<(), LoginError>, MockModel) {
    let server = MockModel::start(answers).await;
    let login = DeviceLogin::start(&client(&server)).await.unwrap();
    let result = login.finish(CancellationToken::new()).await.map(drop);
    (result, server)
}

#[tokio::test]
async fn a_code_is_waited_for_and_redeemed() {
    let answers = vec![code(), pending(403), pending(404), grant(), tokens()];
    let server = MockModel::start(answers).await;
    let login = DeviceLogin::start(&client(&server)).await.unwrap();
    assert_eq!(login.user_code(), "ABCD-1234");
    assert_eq!(login.verification_url(), format!("http://127.0.0.1:{}/codex/device", server.port()));
    let tokens = login.finish(CancellationToken::new()).await.unwrap();
    let values = [tokens.id_token, tokens.access_token, tokens.refresh_token];
    assert_eq!(values.each_ref().map(|value| value.expose()), ["i.d.t", "access", "refresh"]);

    let requests = server.requests();
    let paths: Vec<&str> = requests.iter().map(|request| request.path.as_str()).collect();
    let poll = "/api/accounts/deviceauth/token";
    assert_eq!(paths, ["/api/accounts/deviceauth/usercode", poll, poll, poll, "/oauth/token"]);
    assert_eq!(requests[0].body, json!({ "client_id": "client-1" }));
    assert_eq!(requests[1].body, json!({ "device_auth_id": "device-1", "user_code": "ABCD-1234" }));
    let expected = format!(
        "grant_type=authorization_code&code=code-1\
         &redirect_uri=http%3A%2F%2F127.0.0.1%3A{}%2Fdeviceauth%2Fcallback&client_id=client-1\
         &code_verifier=verifier-1",
        server.port()
    );
    assert_eq!(requests[4].body, Value::String(expected));
}

#[tokio::test]
async fn the_other_spelling_of_the_code_is_read() {
    let body = json!({ "device_auth_id": "d", "usercode": "WXYZ", "interval": 2 });
    let server = MockModel::start([Answer::json(200, &body)]).await;
    let login = DeviceLogin::start(&client(&server)).await.unwrap();
    assert_eq!(login.user_code(), "WXYZ");
}

#[tokio::test]
async fn an_issuer_without_device_logins_says_so() {
    let server = MockModel::start([pending(404)]).await;
    let error = DeviceLogin::start(&client(&server)).await.err();
    assert_eq!(error, Some(DeviceError::NotOffered));
    for answer in [pending(500), Answer::text(200, "{}"), Answer::hang_up()] {
        let server = MockModel::start([answer]).await;
        let error = DeviceLogin::start(&client(&server)).await.err();
        assert!(matches!(error, Some(DeviceError::Failed(_))), "{error:?}");
    }
}

#[tokio::test]
async fn refusals_end_the_login() {
    let refused = Answer::json(400, &json!({ "error": "access_denied" }));
    let (result, _server) = login(vec![code(), refused]).await;
    let words = "the issuer answered with status 400: access_denied";
    assert_eq!(result, Err(LoginError::Failed(words.to_owned())));
    let (result, _server) = login(vec![code(), Answer::text(200, "{}")]).await;
    let words = "the issuer's answer does not hold an authorization code";
    assert_eq!(result, Err(LoginError::Failed(words.to_owned())));
    let (result, _server) = login(vec![code(), grant(), Answer::json(400, &json!({}))]).await;
    assert_eq!(result, Err(LoginError::Failed("the issuer answered with status 400".to_owned())));
}

#[tokio::test]
async fn what_the_issuer_holds_is_not_told_to_another_host() {
    let other = MockModel::start([]).await;
    let elsewhere = format!("http://127.0.0.1:{}/", other.port());
    let (result, _server) = login(vec![code(), Answer::text(307, "").header("location", elsewhere)]).await;
    let words = "the issuer points to another host, which is not asked";
    assert_eq!(result, Err(LoginError::Failed(words.to_owned())));
    assert_eq!(other.connections_seen(), 0);
}

#[tokio::test]
async fn a_connection_that_fails_between_two_questions_ends_nothing() {
    let (result, _server) = login(vec![code(), Answer::hang_up(), grant(), tokens()]).await;
    assert_eq!(result, Ok(()));
}

#[tokio::test]
async fn cancelling_ends_the_wait_and_the_exchange() {
    let server = MockModel::start([code()]).await;
    let login = DeviceLogin::start(&client(&server)).await.unwrap();
    let cancel = CancellationToken::new();
    cancel.cancel();
    assert_eq!(login.finish(cancel).await.err(), Some(LoginError::Cancelled));

    let gate = Gate::new();
    let server = MockModel::start([code(), grant(), tokens().gate(&gate)]).await;
    let login = DeviceLogin::start(&client(&server)).await.unwrap();
    let cancel = CancellationToken::new();
    let finish = tokio::spawn(login.finish(cancel.clone()));
    server.requests_seen(3).await;
    cancel.cancel();
    assert_eq!(finish.await.unwrap().err(), Some(LoginError::Cancelled));
}

/// The clock runs by itself whenever nothing else can happen, which is at once: the issuer never answers.
#[tokio::test]
async fn nobody_is_waited_for_longer_than_a_quarter_of_an_hour() {
    let server = MockModel::start_with(|request| match request.path.ends_with("usercode") {
        true => code(),
        false => Answer::stall(),
    })
    .await;
    let login = DeviceLogin::start(&client(&server)).await.unwrap();
    tokio::time::pause();
    assert_eq!(login.finish(CancellationToken::new()).await.err(), Some(LoginError::TimedOut));
}
