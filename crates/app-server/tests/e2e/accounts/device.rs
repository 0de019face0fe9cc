//! Signing in on another device, with a code (auth specification 7.3).

use app_server_test_support::issuer::{Endpoint, form};
use app_server_test_support::{Gate, Person, Reply, TestServer};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use super::{
    AccountScene, CLIENT_ID, account, log_in_by_key, take_completed, take_failure, take_signed_in,
    usual_account,
};
use crate::calls::LIMIT;

/// Starts a login and returns the whole answer.
fn start(server: &mut TestServer) -> Value {
    let answer = server.request("account/login/start", json!({"type": "chatgptDeviceCode"}));
    assert_eq!(answer["type"], "chatgptDeviceCode");
    answer
}

fn id_of(login: &Value) -> &str {
    login["loginId"].as_str().unwrap()
}

#[test]
fn another_device_signs_in() {
    let scene = AccountScene::new();
    let mut server = scene.server();
    let login = start(&mut server);
    assert_eq!(login["verificationUrl"], format!("{}/codex/device", scene.issuer.url()));
    let user_code = login["userCode"].as_str().unwrap().to_owned();
    assert!(user_code.starts_with("ABCD-"), "{user_code}");
    assert_eq!((id_of(&login).len(), &id_of(&login)[14..15]), (36, "4"));
    let asked = scene.issuer.requests_to(Endpoint::UserCode).remove(0);
    assert_eq!(asked.body, json!({"client_id": CLIENT_ID}));

    // The user takes a while.
    let polls = scene.issuer.wait_requests(Endpoint::DeviceToken, 2);
    assert_eq!(polls[0].body["user_code"], user_code.as_str());
    assert!(polls[0].body["device_auth_id"].is_string());
    assert_eq!(account(&mut server), Value::Null);
    scene.issuer.approve_devices();
    take_signed_in(&mut server, id_of(&login));
    assert_eq!(account(&mut server), usual_account());

    let exchange = scene.issuer.requests_to(Endpoint::CodeExchange).remove(0);
    let pairs = form::pairs(exchange.body.as_str().unwrap());
    let redirect_uri = format!("{}/deviceauth/callback", scene.issuer.url());
    assert_eq!(form::value(&pairs, "redirect_uri"), Some(redirect_uri.as_str()));
    assert_eq!(form::value(&pairs, "client_id"), Some(CLIENT_ID));
    assert!(scene.issuer.requests_to(Endpoint::KeyExchange).is_empty());
    for request in scene.issuer.requests() {
        assert_eq!((request.header("originator"), request.header("authorization")), (None, None));
    }
    let stored = scene.auth();
    assert_eq!((&stored["auth_mode"], &stored["OPENAI_API_KEY"]), (&json!("chatgpt"), &Value::Null));
    assert_eq!(stored["tokens"]["account_id"], "acct-1");
    scene.good_turn(&mut server);
    assert_eq!(scene.last_signature().1, Some("acct-1".to_owned()));
    let cancelled = server.request("account/login/cancel", json!({"loginId": login["loginId"]}));
    assert_eq!(cancelled, json!({"status": "notFound"}));
}

#[test]
fn other_spellings_of_the_code_are_understood() {
    let scene = AccountScene::new();
    let mut server = scene.server();
    for answer in [
        json!({"device_auth_id": "d", "usercode": "SPELT", "interval": "5"}),
        json!({"device_auth_id": "d", "user_code": "SPELT", "interval": "0"}),
        json!({"device_auth_id": "d", "user_code": "SPELT"}),
    ] {
        scene.issuer.script(Endpoint::UserCode, Reply::json(200, &answer));
        // The issuer knows no such device: it must not be asked while the test looks at the code.
        let gate = Gate::new();
        scene.issuer.script(Endpoint::DeviceToken, Reply::json(403, &json!({})).gate(&gate));
        let login = start(&mut server);
        assert_eq!(login["userCode"], "SPELT");
        server.request("account/login/cancel", json!({"loginId": login["loginId"]}));
        take_failure(&mut server, id_of(&login));
        gate.open();
    }
}

#[test]
fn an_issuer_without_codes_is_told_apart_from_one_that_fails() {
    let scene = AccountScene::new();
    let mut server = scene.server();
    let params = json!({"type": "chatgptDeviceCode"});
    for (reply, code) in [
        (Reply::text(404, "no such page"), -32600),
        (Reply::text(500, "broken"), -32603),
        (Reply::text(200, "<html>"), -32603),
        (Reply::json(200, &json!({"interval": "1"})), -32603),
        (Reply::hang_up(), -32603),
    ] {
        scene.issuer.script(Endpoint::UserCode, reply);
        assert_eq!(server.request_error("account/login/start", params.clone())["code"], code);
    }
    // Nothing waits now.
    assert!(scene.issuer.requests_to(Endpoint::DeviceToken).is_empty());
    assert_eq!(account(&mut server), Value::Null);
}

#[test]
fn a_login_is_cancelled_by_the_client() {
    let scene = AccountScene::new();
    let mut server = scene.server();
    let login = start(&mut server);
    let cancel = json!({"loginId": login["loginId"]});
    assert_eq!(server.request("account/login/cancel", cancel.clone()), json!({"status": "canceled"}));
    assert_eq!(take_failure(&mut server, id_of(&login)), "Login was not completed");
    assert_eq!(server.request("account/login/cancel", cancel), json!({"status": "notFound"}));
    scene.issuer.approve_devices();
    assert_eq!(account(&mut server), Value::Null);
    assert!(scene.issuer.requests_to(Endpoint::CodeExchange).is_empty());
}

#[test]
fn a_device_that_is_refused_ends_the_login() {
    let unusable =
        json!({"authorization_code": "code-of-nobody", "code_challenge": "c", "code_verifier": "v"});
    for reply in [
        Reply::json(400, &json!({"error": "access_denied"})),
        Reply::text(500, "broken"),
        Reply::text(200, "<html>"),
        Reply::json(200, &json!({})),
        // The code is not one the issuer knows.
        Reply::json(200, &unusable),
    ] {
        let scene = AccountScene::new();
        let mut server = scene.server();
        scene.issuer.script(Endpoint::DeviceToken, reply);
        let login = start(&mut server);
        let reason = take_failure(&mut server, id_of(&login));
        assert!(!reason.is_empty() && !reason.starts_with("Login server error"), "{reason}");
        assert_eq!(account(&mut server), Value::Null);
        assert!(!scene.auth_path().exists());
    }
}

#[test]
fn only_the_forced_workspace_is_signed_in() {
    let scene = AccountScene::with_config("forced_chatgpt_workspace_id = \"acct-1\"");
    let mut server = scene.server();
    scene.issuer.sign_in_as(Person::default().of_workspace("acct-2"));
    let login = start(&mut server);
    scene.issuer.approve_devices();
    take_failure(&mut server, id_of(&login));
    assert_eq!(account(&mut server), Value::Null);
    assert!(!scene.auth_path().exists());
}

#[test]
fn the_next_login_takes_the_place_of_one_that_waits() {
    let scene = AccountScene::new();
    let mut server = scene.server();
    let first = start(&mut server);
    let second = start(&mut server);
    take_failure(&mut server, id_of(&first));
    log_in_by_key(&mut server, "sk-1");
    scene.issuer.approve_devices();
    assert_eq!(account(&mut server), json!({"type": "apiKey"}));
    // Both ends were taken with the login by key; the second device's is among them.
    assert_ne!(first["loginId"], second["loginId"]);
    assert!(scene.issuer.requests_to(Endpoint::CodeExchange).is_empty());
}

/// A login waits for fifteen minutes.
#[test]
fn a_login_that_waits_does_not_hold_up_the_end() {
    let scene = AccountScene::new();
    let gate = Gate::new();
    scene.issuer.script(Endpoint::DeviceToken, Reply::usual().gate(&gate));
    let mut server = scene.server();
    start(&mut server);
    scene.issuer.gate_reached(&gate);
    server.connection().close_input();
    assert!(server.connection().wait_exit(LIMIT).unwrap().success());
    if server.connection().messages().iter().any(|message| message["method"] == "account/login/completed") {
        assert_eq!(take_completed(&mut server)["success"], false);
    }
}
