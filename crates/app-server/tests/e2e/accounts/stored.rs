//! What `auth.json` makes of an account, whoever wrote it (auth specification 3, 5 and 6), and that nobody is asked for it.

use std::fs;

use app_server_test_support::Person;
use app_server_test_support::issuer::{Endpoint, days_ago, jwt, unix_in};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use super::{AccountScene, account, read_account, usual_account};

/// The file of somebody who signed in just now, with these claims in the id token.
fn with_claims(claims: &Value) -> Value {
    json!({
        "auth_mode": "chatgpt",
        "OPENAI_API_KEY": null,
        "tokens": {
            "id_token": jwt(claims), "access_token": "opaque", "refresh_token": "refresh", "account_id": "acct-1",
        },
        "last_refresh": days_ago(0),
    })
}

fn with_id_token(id_token: &str) -> Value {
    let mut file = with_claims(&json!({}));
    file["tokens"]["id_token"] = json!(id_token);
    file
}

fn nobody(email: &str, plan: &str) -> Value {
    let email = if email.is_empty() { Value::Null } else { json!(email) };
    json!({"type": "chatgpt", "email": email, "planType": plan, "workspaceName": null})
}

#[test]
fn what_is_made_of_a_file() {
    let scene = AccountScene::new();
    let mut server = scene.server();
    let claims = Person::default().claims(None);
    let mut without_refresh = with_claims(&claims);
    without_refresh.as_object_mut().unwrap().remove("last_refresh");
    let mut unknown_keys = with_claims(&claims);
    unknown_keys["agent_identity"] = json!({"a": 1});
    unknown_keys["tokens"]["more"] = json!(true);
    let mut both = with_claims(&claims);
    both["OPENAI_API_KEY"] = json!("sk-1");
    both.as_object_mut().unwrap().remove("auth_mode");
    let mut both_with_mode = both.clone();
    both_with_mode["auth_mode"] = json!("chatgpt");
    let mut without_mode = with_claims(&claims);
    without_mode.as_object_mut().unwrap().remove("auth_mode");
    let mut profile = json!({"https://api.openai.com/profile": {"email": "profile@example.com"}});
    profile["https://api.openai.com/auth"] = json!({"chatgpt_plan_type": "plus"});
    let key = json!({"type": "apiKey"});
    let cases = [
        ("nothing at all", String::new(), Value::Null),
        ("broken JSON", "{\"auth_mode\": \"apikey\", \"OPENAI_API_KEY\": \"sk".to_owned(), Value::Null),
        ("an array", "[]".to_owned(), Value::Null),
        ("an unknown mode", json!({"auth_mode": "later", "OPENAI_API_KEY": "sk-1"}).to_string(), Value::Null),
        ("no key", json!({"auth_mode": "apikey", "OPENAI_API_KEY": null}).to_string(), Value::Null),
        ("no tokens", json!({"OPENAI_API_KEY": null}).to_string(), Value::Null),
        ("no JWT", with_id_token("opaque").to_string(), Value::Null),
        ("two parts", with_id_token("e30.e30").to_string(), Value::Null),
        ("an empty part", with_id_token("e30.e30.").to_string(), Value::Null),
        ("no JSON within", with_id_token("e30.bm9uZQ.bm9uZQ").to_string(), Value::Null),
        ("a key", json!({"OPENAI_API_KEY": "sk-1"}).to_string(), key.clone()),
        ("both", both.to_string(), key),
        ("both, with the mode", both_with_mode.to_string(), usual_account()),
        ("no mode", without_mode.to_string(), usual_account()),
        ("never refreshed", without_refresh.to_string(), usual_account()),
        ("unknown keys", unknown_keys.to_string(), usual_account()),
        ("no claims", with_claims(&json!({})).to_string(), nobody("", "unknown")),
        ("the profile's address", with_claims(&profile).to_string(), nobody("profile@example.com", "plus")),
    ];
    for (what, text, expected) in cases {
        scene.write_auth(&text);
        assert_eq!(account(&mut server), expected, "{what}");
        assert_eq!(fs::read_to_string(scene.auth_path()).unwrap(), text, "{what}");
    }
}

#[test]
fn plans_are_told_by_their_names() {
    let scene = AccountScene::new();
    let mut server = scene.server();
    for (claimed, told) in [
        ("free", "free"),
        ("go", "go"),
        ("plus", "plus"),
        ("team", "team"),
        ("enterprise", "enterprise"),
        ("hc", "enterprise"),
        ("edu", "edu"),
        ("education", "edu"),
        ("self_serve_business_usage_based", "self_serve_business_usage_based"),
        ("of the future", "unknown"),
        ("", "unknown"),
    ] {
        scene.write_auth(with_claims(&Person::default().on_plan(claimed).claims(None)).to_string());
        assert_eq!(account(&mut server)["planType"], told, "{claimed}");
    }
}

#[test]
fn nobody_is_signed_in_by_a_damaged_file_and_turns_go_out_unsigned() {
    let scene = AccountScene::new();
    scene.write_auth("{");
    let mut server = scene.server();
    scene.good_turn(&mut server);
    assert_eq!(scene.last_signature(), (None, None));
    assert_eq!(fs::read_to_string(scene.auth_path()).unwrap(), "{");
}

#[test]
fn who_is_signed_in_is_read_from_the_file_and_asked_of_nobody() {
    let scene = AccountScene::new();
    scene.sign_in();
    let mut server = scene.server();
    let read = read_account(&mut server);
    assert_eq!(read["account"], usual_account());
    assert_eq!((&read["requiresOpenaiAuth"], &read["userId"]), (&json!(true), &json!("user-1")));
    assert_eq!(server.request("account/read", json!({"refreshToken": false})), read);
    assert_eq!(server.request("account/read", json!({})), read);
    assert!(scene.issuer.requests().is_empty(), "{:?}", scene.issuer.requests());
    assert!(scene.model.model().requests().is_empty(), "{:?}", scene.model.model().requests());
}

#[test]
fn who_is_signed_in_may_be_asked_without_params() {
    let scene = AccountScene::new();
    scene.sign_in();
    let mut server = scene.server();
    assert_eq!(server.request("account/read", Value::Null)["account"], usual_account());
}

#[test]
fn requests_are_signed_with_the_access_token_for_the_workspace() {
    let scene = AccountScene::new();
    let tokens = scene.sign_in();
    let mut server = scene.server();
    scene.good_turn(&mut server);
    let bearer = format!("Bearer {}", tokens.access_token);
    assert_eq!(scene.last_signature(), (Some(bearer), Some("acct-1".to_owned())));

    // The workspace is the one that was stored, not the one of the claims.
    let mut file = tokens.stored(&days_ago(0));
    file["tokens"]["account_id"] = Value::Null;
    scene.write_auth(file.to_string());
    scene.good_turn(&mut server);
    assert_eq!(scene.last_signature().1, None);
    assert!(scene.issuer.requests().is_empty());
}

#[test]
fn tokens_are_renewed_when_a_client_asks_for_it() {
    let scene = AccountScene::new();
    let old = scene.sign_in();
    let mut server = scene.server();
    let read = server.request("account/read", json!({"refreshToken": true}));
    assert_eq!(read["account"], usual_account());
    assert_eq!(scene.issuer.requests_to(Endpoint::Refresh).len(), 1);
    let stored = scene.auth();
    assert_ne!(stored["tokens"]["access_token"], old.access_token.as_str());
    scene.good_turn(&mut server);
    let bearer = format!("Bearer {}", stored["tokens"]["access_token"].as_str().unwrap());
    assert_eq!(scene.last_signature().0, Some(bearer));
    assert_eq!(scene.issuer.requests().len(), 1);
}

#[test]
fn tokens_another_process_renewed_are_not_renewed_again() {
    let scene = AccountScene::new();
    let old = scene.sign_in();
    let mut server = scene.server();
    scene.good_turn(&mut server);
    let newer = scene.issuer.refresh_elsewhere(&old.refresh_token).unwrap();
    scene.write_auth(newer.stored(&days_ago(0)).to_string());
    assert_eq!(account(&mut server), usual_account());
    scene.good_turn(&mut server);
    assert_eq!(scene.last_signature().0, Some(format!("Bearer {}", newer.access_token)));
    assert!(scene.issuer.requests().is_empty());
}

#[test]
fn a_renewal_that_fails_is_no_failure_of_reading() {
    let scene = AccountScene::new();
    let tokens = scene.issuer.issue(&Person::default(), Some(unix_in(3600)));
    scene.write_auth(tokens.stored(&days_ago(0)).to_string());
    let mut server = scene.server();
    for (status, code) in [(500, "unavailable"), (401, "refresh_token_expired")] {
        scene.issuer.refuse(Endpoint::Refresh, status, code);
        let read = server.request("account/read", json!({"refreshToken": true}));
        assert_eq!(read["account"], usual_account());
    }
    assert_eq!(scene.auth(), tokens.stored(scene.auth()["last_refresh"].as_str().unwrap()));
}
