//! What is read from `auth.json` and what is written.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use pretty_assertions::assert_eq;
use serde_json::json;

use super::*;

const AUTH: &str = "https://api.openai.com/auth";

fn jwt(claims: &Value) -> String {
    format!("e30.{}.c2ln", BASE64_URL_SAFE_NO_PAD.encode(claims.to_string()))
}

fn tokens(id_token: &str) -> StoredTokens {
    let secret = |text: &str| Secret::new(text);
    StoredTokens::new(secret(id_token), secret("access-1"), secret("refresh-1")).unwrap()
}

fn moment_1() -> Timestamp {
    "2026-01-02T03:04:05.0678Z".parse().unwrap()
}

fn parse(json: &str) -> Result<AuthRecord, InvalidRecord> {
    AuthRecord::parse(json.as_bytes())
}

fn pretty(record: &AuthRecord) -> String {
    String::from_utf8(record.to_pretty()).unwrap()
}

#[test]
fn bytes_of_an_api_key() {
    let record = AuthRecord::of_api_key("sk-1");
    assert_eq!(pretty(&record), "{\n  \"auth_mode\": \"apikey\",\n  \"OPENAI_API_KEY\": \"sk-1\"\n}");
    assert_eq!(record.to_compact(), br#"{"auth_mode":"apikey","OPENAI_API_KEY":"sk-1"}"#);
    assert_eq!(record.mode(), Some(StoredMode::ApiKey));
    assert_eq!(parse(&pretty(&record)), Ok(record));
}

#[test]
fn bytes_of_an_account() {
    let id_token = jwt(&json!({AUTH: {"chatgpt_account_id": "acc-1"}}));
    let record = AuthRecord::of_chatgpt(tokens(&id_token), None, moment_1());
    let expected = format!(
        r#"{{
  "auth_mode": "chatgpt",
  "OPENAI_API_KEY": null,
  "tokens": {{
    "id_token": "{id_token}",
    "access_token": "access-1",
    "refresh_token": "refresh-1",
    "account_id": "acc-1"
  }},
  "last_refresh": "2026-01-02T03:04:05.067800000Z"
}}"#
    );
    assert_eq!(pretty(&record), expected);
    assert_eq!(record.mode(), Some(StoredMode::Chatgpt));
    assert_eq!(record.last_refresh(), Some(moment_1()));

    let read = parse(&expected).unwrap();
    assert_eq!(read, record);
    assert_eq!(read.last_refresh(), Some(moment_1()));
    assert_eq!(read.tokens().unwrap().account_id.as_deref(), Some("acc-1"));
    assert_eq!(read.tokens().unwrap().claims().account_id.as_deref(), Some("acc-1"));

    let with_key = AuthRecord::of_chatgpt(tokens(&jwt(&json!({}))), Some(Secret::new("sk-9")), moment_1());
    assert!(pretty(&with_key).contains(r#""OPENAI_API_KEY": "sk-9","#));
    assert!(pretty(&with_key).contains(r#""account_id": null"#));
    assert_eq!(with_key.mode(), Some(StoredMode::Chatgpt));
}

#[test]
fn a_key_is_stored_as_it_is() {
    for key in [" sk-1 ", "a\"b\\c", "ключ", "with\nnewline"] {
        let record = AuthRecord::of_api_key(key);
        let read = parse(&pretty(&record)).unwrap();
        assert_eq!(read.api_key().map(Secret::expose), Some(key));
        assert_eq!(read.mode(), Some(StoredMode::ApiKey), "{key}");
    }
    for key in ["", " \n"] {
        assert_eq!(AuthRecord::of_api_key(key).mode(), None);
        assert_eq!(parse(&pretty(&AuthRecord::of_api_key(key))).unwrap().mode(), None);
    }
}

/// What a file reads as: the mode, and whether there are tokens and a key.
#[test]
fn modes() {
    let tokens =
        format!(r#""tokens":{{"id_token":"{}","access_token":"a","refresh_token":""}}"#, jwt(&json!({})));
    let api_key = Some(StoredMode::ApiKey);
    let chatgpt = Some(StoredMode::Chatgpt);
    for (json, mode, has_tokens, has_key) in [
        (r#"{"auth_mode":"apikey","OPENAI_API_KEY":"sk-1"}"#.to_owned(), api_key, false, true),
        (r#"{"auth_mode":"apikey","OPENAI_API_KEY":null}"#.to_owned(), None, false, false),
        (r#"{"auth_mode":"apikey"}"#.to_owned(), None, false, false),
        (format!(r#"{{"auth_mode":"apikey",{tokens}}}"#), None, true, false),
        (r#"{"auth_mode":"agentIdentity","OPENAI_API_KEY":"sk-1"}"#.to_owned(), None, false, true),
        // Never on disk; nobody could refresh it.
        (format!(r#"{{"auth_mode":"chatgptAuthTokens",{tokens}}}"#), None, true, false),
        (r#"{"OPENAI_API_KEY":null}"#.to_owned(), chatgpt, false, false),
        ("{}".to_owned(), chatgpt, false, false),
        (r#"{"OPENAI_API_KEY":"sk-1"}"#.to_owned(), api_key, false, true),
        (r#"{"auth_mode":null,"OPENAI_API_KEY":"sk-1"}"#.to_owned(), api_key, false, true),
        (format!(r#"{{"OPENAI_API_KEY":"sk-1",{tokens}}}"#), api_key, true, true),
        (format!(r#"{{"auth_mode":"chatgpt","OPENAI_API_KEY":"sk-1",{tokens}}}"#), chatgpt, true, true),
        (format!(r#"{{"OPENAI_API_KEY":null,{tokens}}}"#), chatgpt, true, false),
        // Kinds of today's version that we do not know come before the key.
        (r#"{"OPENAI_API_KEY":"sk-1","personal_access_token":"p"}"#.to_owned(), None, false, true),
        (r#"{"OPENAI_API_KEY":"sk-1","bedrock_api_key":{"k":"v"}}"#.to_owned(), None, false, true),
        (r#"{"OPENAI_API_KEY":"sk-1","personal_access_token":null}"#.to_owned(), api_key, false, true),
        (r#"{"OPENAI_API_KEY":"sk-1","agent_identity":{"k":"v"}}"#.to_owned(), api_key, false, true),
    ] {
        let record = parse(&json).unwrap();
        assert_eq!(record.mode(), mode, "{json}");
        assert_eq!(record.tokens().is_some(), has_tokens, "{json}");
        assert_eq!(record.api_key().is_some(), has_key, "{json}");
        assert_eq!(record.last_refresh(), None, "{json}");
    }
}

#[test]
fn what_is_no_record() {
    let id_token = jwt(&json!({}));
    for (json, error) in [
        (String::new(), InvalidRecord::Json { line: 1 }),
        ("{\n\"a\":".to_owned(), InvalidRecord::Json { line: 2 }),
        ("[]".to_owned(), InvalidRecord::Json { line: 1 }),
        ("null".to_owned(), InvalidRecord::Json { line: 1 }),
        (r#"{"OPENAI_API_KEY":5}"#.to_owned(), InvalidRecord::Field("OPENAI_API_KEY")),
        (r#"{"auth_mode":{}}"#.to_owned(), InvalidRecord::Field("auth_mode")),
        (r#"{"tokens":"x"}"#.to_owned(), InvalidRecord::Field("tokens")),
        (r#"{"tokens":{}}"#.to_owned(), InvalidRecord::Field("id_token")),
        (
            format!(r#"{{"tokens":{{"id_token":"{id_token}","refresh_token":"r"}}}}"#),
            InvalidRecord::Field("access_token"),
        ),
        (
            format!(r#"{{"tokens":{{"id_token":"{id_token}","access_token":"a","refresh_token":null}}}}"#),
            InvalidRecord::Field("refresh_token"),
        ),
        (
            format!(
                r#"{{"tokens":{{"id_token":"{id_token}","access_token":"a","refresh_token":"r","account_id":1}}}}"#
            ),
            InvalidRecord::Field("account_id"),
        ),
        // The whole record, even if a key is all that would be used.
        (
            r#"{"OPENAI_API_KEY":"k","tokens":{"id_token":"x","access_token":"a","refresh_token":"r"}}"#
                .to_owned(),
            InvalidRecord::IdToken(InvalidToken::Parts),
        ),
        (
            r#"{"tokens":{"id_token":"a.b.c","access_token":"a","refresh_token":"r"}}"#.to_owned(),
            InvalidRecord::IdToken(InvalidToken::Payload),
        ),
        (r#"{"last_refresh":"yesterday"}"#.to_owned(), InvalidRecord::Field("last_refresh")),
        (r#"{"last_refresh":5}"#.to_owned(), InvalidRecord::Field("last_refresh")),
    ] {
        assert_eq!(parse(&json), Err(error), "{json}");
    }
    assert_eq!(AuthRecord::parse(b"{\"a\":\"\xff\"}"), Err(InvalidRecord::Json { line: 1 }));
}

#[test]
fn moments_of_other_writers() {
    for (text, seconds) in [
        ("2026-01-02T03:04:05Z", 1_767_323_045),
        ("2026-01-02T03:04:05.123456789Z", 1_767_323_045),
        ("2026-01-02T05:04:05+02:00", 1_767_323_045),
    ] {
        let record = parse(&json!({"last_refresh": text}).to_string()).unwrap();
        assert_eq!(record.last_refresh().map(Timestamp::as_second), Some(seconds), "{text}");
    }
}

#[test]
fn a_refresh_keeps_what_it_did_not_bring() {
    let old = json!({
        "future": {"b": [1, 2.5, null], "a": "x"},
        "tokens": {
            "scope": "kept", "id_token": jwt(&json!({"email": "old@example.com"})), "access_token": "access-1",
            "refresh_token": "refresh-1", "account_id": "acc-1",
        },
        "agent_identity": {"k": "v"},
    });
    let record = parse(&old.to_string()).unwrap();
    let now: Timestamp = "2026-02-03T04:05:06Z".parse().unwrap();

    let id_token = jwt(&json!({"email": "new@example.com", AUTH: {"chatgpt_account_id": "acc-2"}}));
    let new = NewTokens {
        id_token: Some(Secret::new(&*id_token)),
        access_token: Some(Secret::new("access-2")),
        refresh_token: None,
    };
    let refreshed = record.refreshed(new, now);

    let mut expected = old;
    expected["tokens"]["id_token"] = id_token.into();
    expected["tokens"]["access_token"] = "access-2".into();
    expected["last_refresh"] = "2026-02-03T04:05:06.000000000Z".into();
    expected["auth_mode"] = "chatgpt".into();
    expected["OPENAI_API_KEY"] = Value::Null;
    assert_eq!(serde_json::from_slice::<Value>(&refreshed.to_compact()).unwrap(), expected);
    assert_eq!(parse(&pretty(&refreshed)), Ok(refreshed.clone()));
    // What was there stays in its place.
    assert!(pretty(&refreshed).starts_with("{\n  \"future\": {\n    \"b\": ["));

    let tokens = refreshed.tokens().unwrap();
    assert_eq!(tokens.claims().email.as_deref(), Some("new@example.com"));
    assert_eq!(tokens.account_id.as_deref(), Some("acc-1"));
    assert_eq!(tokens.access_token.expose(), "access-2");
    assert_eq!(tokens.refresh_token.expose(), "refresh-1");
    assert_eq!(refreshed.last_refresh(), Some(now));
    assert_eq!(refreshed.mode(), Some(StoredMode::Chatgpt));
    assert_ne!(refreshed, record);
}

#[test]
fn a_refresh_changes_nothing_else() {
    let record = AuthRecord::of_chatgpt(tokens(&jwt(&json!({}))), Some(Secret::new("sk-9")), moment_1());
    assert_eq!(record.refreshed(NewTokens::default(), moment_1()), record);

    // With it nobody could read the record again.
    let new = NewTokens { id_token: Some(Secret::new("no-jwt")), ..NewTokens::default() };
    assert_eq!(record.refreshed(new, moment_1()), record);

    let key = AuthRecord::of_api_key("sk-1");
    let new = NewTokens { access_token: Some(Secret::new("a")), ..NewTokens::default() };
    assert_eq!(key.refreshed(new, moment_1()), key);

    // A record of both kinds stays the kind it is.
    let both = json!({"OPENAI_API_KEY": "sk-1", "tokens":
        {"id_token": jwt(&json!({})), "access_token": "a", "refresh_token": "r"}});
    let both = parse(&both.to_string()).unwrap().refreshed(NewTokens::default(), moment_1());
    assert_eq!(both.mode(), Some(StoredMode::ApiKey));
    assert_eq!(parse(&pretty(&both)).unwrap().mode(), Some(StoredMode::ApiKey));
}

#[test]
fn equality_is_of_content() {
    let a = parse(r#"{"OPENAI_API_KEY":"sk-1","x":1}"#).unwrap();
    assert_eq!(a, parse("{\n \"x\": 1, \"OPENAI_API_KEY\": \"sk-1\" }\n").unwrap());
    assert_ne!(a, parse(r#"{"OPENAI_API_KEY":"sk-1","x":2}"#).unwrap());
    assert_ne!(a, parse(r#"{"OPENAI_API_KEY":"sk-2","x":1}"#).unwrap());
}

#[test]
fn secrets_are_named_and_never_shown() {
    let id_token = jwt(&json!({}));
    let mut record = AuthRecord::of_chatgpt(tokens(&id_token), Some(Secret::new("sk-9")), moment_1());
    record.json.insert("personal_access_token".to_owned(), "pat-0123456789abcdefgh".into());
    let mut values = record.secret_values();
    values.sort();
    assert_eq!(values, ["access-1", &id_token, "pat-0123456789abcdefgh", "refresh-1", "sk-9"]);
    let shown = format!("{record:?} {:?}", record.tokens());
    for value in values {
        assert!(!shown.contains(&value), "{shown}");
    }
}

#[test]
fn an_error_does_not_quote_the_record() {
    for json in [
        r#"{"OPENAI_API_KEY": hunter2"#,
        r#"{"tokens":"hunter2"}"#,
        r#"{"last_refresh":"hunter2"}"#,
        "hunter2",
    ] {
        let error = parse(json).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}
