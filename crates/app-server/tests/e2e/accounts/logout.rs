//! Logging out (auth specification 8).

use app_server_test_support::issuer::{Endpoint, days_ago};
use app_server_test_support::{Gate, Person, Reply, TestServer};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use super::{AccountScene, CLIENT_ID, account, log_in_by_key};
use crate::outline;

/// Logs out; the news must come behind the answer.
fn log_out(server: &mut TestServer) {
    server.start_request("account/logout", Value::Null);
    let messages = server.until("account/updated", |message| message["method"] == "account/updated");
    assert_eq!(outline(&messages), ["answer", "account/updated"]);
    assert_eq!(messages[0]["result"], json!({}));
    assert_eq!(messages[1]["params"], json!({"authMode": null, "planType": null}));
}

#[test]
fn an_account_is_logged_out_and_its_tokens_revoked() {
    let scene = AccountScene::new();
    let tokens = scene.sign_in();
    let mut server = scene.server();
    scene.good_turn(&mut server);
    log_out(&mut server);
    assert!(!scene.auth_path().exists());
    assert_eq!(account(&mut server), Value::Null);
    scene.good_turn(&mut server);
    assert_eq!(scene.last_signature(), (None, None));

    let revoked = scene.issuer.wait_requests(Endpoint::Revoke, 1).remove(0);
    let expected = json!({
        "token": tokens.refresh_token, "token_type_hint": "refresh_token", "client_id": CLIENT_ID,
    });
    assert_eq!(revoked.body, expected);
    assert_eq!(revoked.header("originator"), Some("probe"));
    assert!(scene.issuer.refresh_elsewhere(&tokens.refresh_token).is_err());
    assert_eq!(scene.issuer.requests().len(), 1);
}

#[test]
fn an_account_without_a_refresh_token_has_its_access_token_revoked() {
    let scene = AccountScene::new();
    let tokens = scene.sign_in();
    let mut file = tokens.stored(&days_ago(0));
    file["tokens"]["refresh_token"] = json!("");
    scene.write_auth(file.to_string());
    let mut server = scene.server();
    log_out(&mut server);
    let revoked = scene.issuer.wait_requests(Endpoint::Revoke, 1).remove(0);
    assert_eq!(revoked.body, json!({"token": tokens.access_token, "token_type_hint": "access_token"}));
}

#[test]
fn nobody_waits_for_the_issuer() {
    let scene = AccountScene::new();
    scene.sign_in();
    let gate = Gate::new();
    scene.issuer.script(Endpoint::Revoke, Reply::usual().gate(&gate));
    let mut server = scene.server();
    log_out(&mut server);
    assert_eq!(account(&mut server), Value::Null);
    scene.issuer.gate_reached(&gate);
    log_in_by_key(&mut server, "sk-1");
    scene.good_turn(&mut server);
    gate.open();
}

#[test]
fn an_issuer_that_fails_is_no_matter() {
    for reply in [Reply::text(500, "broken"), Reply::hang_up(), Reply::text(200, "<html>")] {
        let scene = AccountScene::new();
        scene.sign_in();
        scene.issuer.script(Endpoint::Revoke, reply);
        let mut server = scene.server();
        log_out(&mut server);
        scene.issuer.wait_requests(Endpoint::Revoke, 1);
        assert_eq!(account(&mut server), Value::Null);
        server.close();
        assert_eq!(scene.issuer.requests().len(), 1, "asked once");
    }
}

#[test]
fn nobody_is_logged_out_without_complaint() {
    let scene = AccountScene::new();
    let mut server = scene.server();
    log_out(&mut server);
    log_out(&mut server);
    scene.write_auth("{ damaged");
    log_out(&mut server);
    assert!(!scene.auth_path().exists());
    log_in_by_key(&mut server, "sk-1");
    log_out(&mut server);
    log_out(&mut server);
    assert!(scene.issuer.requests().is_empty());
}

#[test]
fn whoever_logged_out_elsewhere_is_logged_out_here() {
    let scene = AccountScene::new();
    scene.sign_in_as(&Person::default(), 0, None);
    let (mut here, mut elsewhere) = (scene.server(), scene.server());
    scene.good_turn(&mut here);
    log_out(&mut elsewhere);
    assert_eq!(account(&mut here), Value::Null);
    scene.good_turn(&mut here);
    assert_eq!(scene.last_signature(), (None, None));
}
