//! What the configuration forbids (auth specification 13): at login, and of what is stored already.

use app_server_test_support::{Person, TestServer};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use super::{AccountScene, account, log_in, log_in_by_key, usual_account};

const KEYS_ONLY: &str = "forced_login_method = \"api\"";
const ACCOUNTS_ONLY: &str = "forced_login_method = \"chatgpt\"";

fn refuse_login(server: &mut TestServer, params: Value) {
    let error = server.request_error("account/login/start", params);
    assert_eq!(error["code"], -32600, "{error}");
}

#[test]
fn accounts_may_be_forbidden() {
    let scene = AccountScene::with_config(KEYS_ONLY);
    let mut server = scene.server();
    let tokens = scene.issuer.issue(&Person::default(), None);
    for params in [
        json!({"type": "chatgpt"}),
        json!({"type": "chatgptDeviceCode"}),
        json!({
            "type": "chatgptAuthTokens", "accessToken": tokens.access_token, "chatgptAccountId": "acct-1",
        }),
        json!({"type": "chatgptAuthTokens", "accessToken": tokens.access_token, "idToken": tokens.id_token}),
    ] {
        refuse_login(&mut server, params);
    }
    assert_eq!(account(&mut server), Value::Null);
    assert!(scene.issuer.requests().is_empty());
    log_in_by_key(&mut server, "sk-1");
    assert_eq!(account(&mut server), json!({"type": "apiKey"}));
}

#[test]
fn keys_may_be_forbidden() {
    let scene = AccountScene::with_config(ACCOUNTS_ONLY);
    let mut server = scene.server();
    refuse_login(&mut server, json!({"type": "apiKey", "apiKey": "sk-1"}));
    assert!(!scene.auth_path().exists());
    let tokens = scene.issuer.issue(&Person::default(), None);
    let params = json!({
        "type": "chatgptAuthTokens", "accessToken": tokens.access_token, "chatgptAccountId": "acct-1",
    });
    log_in(&mut server, params);
    assert_eq!(account(&mut server), usual_account());
}

/// Starts a server on what is stored and tells whether it is used. If it is not, the client must have been warned, and
/// the file must be as it was.
fn is_used(scene: &AccountScene) -> bool {
    let before = std::fs::read(scene.auth_path()).unwrap();
    let mut server = scene.server();
    let is_used = account(&mut server) != Value::Null;
    if !is_used {
        let warning = server.take("configWarning");
        assert!(!warning["params"]["summary"].as_str().unwrap().is_empty(), "{warning}");
    }
    scene.good_turn(&mut server);
    assert_eq!(scene.last_signature().0.is_some(), is_used);
    // A warning that should not be there fails the test here.
    drop(server);
    assert_eq!(std::fs::read(scene.auth_path()).unwrap(), before);
    is_used
}

#[test]
fn a_stored_credential_that_is_forbidden_is_kept_and_not_used() {
    let workspace = |value: &str| format!("forced_chatgpt_workspace_id = {value}");
    for (config, key, account) in [
        (String::new(), true, true),
        (KEYS_ONLY.to_owned(), true, false),
        (ACCOUNTS_ONLY.to_owned(), false, true),
        (workspace("\"acct-1\""), true, true),
        (workspace("\" acct-1 \""), true, true),
        (workspace("\"\""), true, true),
        (workspace("\"acct-2\""), true, false),
        (workspace("[\"acct-2\", \"acct-1\"]"), true, true),
        (workspace("[\"acct-2\", \"acct-3\"]"), true, false),
        (format!("{ACCOUNTS_ONLY}\n{}", workspace("\"acct-2\"")), false, false),
    ] {
        let scene = AccountScene::with_config(&config);
        scene.write_auth(json!({"auth_mode": "apikey", "OPENAI_API_KEY": "sk-1"}).to_string());
        assert_eq!(is_used(&scene), key, "a key, {config}");
        scene.sign_in();
        assert_eq!(is_used(&scene), account, "an account, {config}");
    }
}

#[test]
fn the_configuration_of_now_counts() {
    let scene = AccountScene::new();
    scene.sign_in();
    let mut server = scene.server();
    assert_eq!(account(&mut server), usual_account());
    scene.configure(KEYS_ONLY);
    assert_eq!(account(&mut server), Value::Null);
    refuse_login(&mut server, json!({"type": "chatgpt"}));
    scene.good_turn(&mut server);
    assert_eq!(scene.last_signature().0, None);
    scene.configure("");
    assert_eq!(account(&mut server), usual_account());
}
