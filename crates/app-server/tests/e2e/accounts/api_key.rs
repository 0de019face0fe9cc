//! Signing in with an API key (auth specification 7.1), and the keys that are none of the account's business.

use std::fs;

use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use super::{AccountScene, account, log_in, log_in_by_key, mode_of, read_account, refused};
use crate::outline;

#[test]
fn an_api_key_signs_in_and_out() {
    let scene = AccountScene::new();
    let mut server = scene.server();
    let nobody = read_account(&mut server);
    assert_eq!(nobody["account"], Value::Null);
    assert_eq!((&nobody["requiresOpenaiAuth"], &nobody["userId"]), (&json!(true), &Value::Null));
    assert_eq!(server.request("account/read", json!({"refreshToken": true})), nobody);

    let messages = log_in(&mut server, json!({"type": "apiKey", "apiKey": "sk-1"}));
    assert_eq!(outline(&messages), ["answer", "account/login/completed", "account/updated"]);
    assert_eq!(messages[0]["result"], json!({"type": "apiKey"}));
    let completed = &messages[1]["params"];
    assert_eq!((&completed["loginId"], &completed["success"]), (&Value::Null, &json!(true)));
    assert_eq!(completed["error"], Value::Null);
    assert_eq!(messages[2]["params"], json!({"authMode": "apikey", "planType": null}));

    let stored = fs::read_to_string(scene.auth_path()).unwrap();
    assert_eq!(stored, "{\n  \"auth_mode\": \"apikey\",\n  \"OPENAI_API_KEY\": \"sk-1\"\n}");
    assert_eq!(mode_of(&scene.auth_path()), 0o600);
    let somebody = read_account(&mut server);
    assert_eq!(somebody["account"], json!({"type": "apiKey"}));
    assert_eq!((&somebody["requiresOpenaiAuth"], &somebody["userId"]), (&json!(true), &Value::Null));
    scene.good_turn(&mut server);
    assert_eq!(scene.last_signature(), (Some("Bearer sk-1".to_owned()), None));

    assert_eq!(server.request("account/logout", Value::Null), json!({}));
    assert_eq!(server.take("account/updated")["params"], json!({"authMode": null, "planType": null}));
    assert!(!scene.auth_path().exists());
    assert_eq!(account(&mut server), Value::Null);
    scene.good_turn(&mut server);
    assert_eq!(scene.last_signature(), (None, None));
    assert!(scene.issuer.requests().is_empty(), "{:?}", scene.issuer.requests());
}

#[test]
fn a_key_is_stored_as_it_is_and_outlives_the_server() {
    let scene = AccountScene::new();
    let key = " sk-\"odd\"\\\u{e9} ";
    let mut server = scene.server();
    log_in_by_key(&mut server, key);
    assert_eq!(scene.auth()["OPENAI_API_KEY"], key);
    log_in_by_key(&mut server, "sk-2");
    server.close();

    let mut server = scene.server();
    assert_eq!(account(&mut server), json!({"type": "apiKey"}));
    scene.good_turn(&mut server);
    assert_eq!(scene.bearers(), [Some("sk-2".to_owned())]);
}

#[test]
fn a_key_replaces_the_tokens_of_an_account() {
    let scene = AccountScene::new();
    scene.sign_in();
    let mut server = scene.server();
    log_in_by_key(&mut server, "sk-1");
    assert_eq!(scene.auth(), json!({"auth_mode": "apikey", "OPENAI_API_KEY": "sk-1"}));
    scene.good_turn(&mut server);
    assert_eq!(scene.last_signature(), (Some("Bearer sk-1".to_owned()), None));
}

#[test]
fn a_key_that_is_refused_fails_the_turn_at_once() {
    let scene = AccountScene::new();
    scene.refuse("sk-1");
    let mut server = scene.server();
    log_in_by_key(&mut server, "sk-1");
    assert_eq!(scene.failed_turn(&mut server), refused());
    assert_eq!(scene.bearers().len(), 1);
    assert!(scene.issuer.requests().is_empty());
}

#[test]
fn a_provider_without_accounts_shows_none_and_gets_none() {
    let scene = AccountScene::new();
    scene.configure_provider("", "");
    scene.sign_in();
    let mut server = scene.server();
    let read = read_account(&mut server);
    assert_eq!((&read["account"], &read["requiresOpenaiAuth"]), (&Value::Null, &json!(false)));
    assert_eq!(read["userId"], Value::Null);
    scene.good_turn(&mut server);
    assert_eq!(scene.last_signature(), (None, None));
}

#[test]
fn a_key_of_the_provider_wins_over_who_is_signed_in() {
    let scene = AccountScene::new();
    scene.configure_provider("", "requires_openai_auth = true\nenv_key = \"TEAM_KEY\"");
    scene.sign_in();
    let mut server = scene.server_in(&[("TEAM_KEY", "sk-of-the-team")]);
    scene.good_turn(&mut server);
    assert_eq!(scene.last_signature(), (Some("Bearer sk-of-the-team".to_owned()), None));
}

#[test]
fn keys_in_the_environment_sign_nobody_in() {
    let scene = AccountScene::new();
    let mut server = scene.server_in(&[("OPENAI_API_KEY", "sk-env-1"), ("CODEX_API_KEY", "sk-env-2")]);
    assert_eq!(account(&mut server), Value::Null);
    scene.good_turn(&mut server);
    assert_eq!(scene.last_signature(), (None, None));
}
