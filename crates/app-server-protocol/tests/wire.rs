//! Golden JSON, both ways, for the messages in use, and the envelope's odd input.
//!
//! Output is compared as text: every member of the stable shape is there, null where unset. Of params, which only
//! clients write, what the golden file has must be read and kept.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeSet;
use std::fmt::Debug;

use app_server_protocol::methods::{ClientMethod, Request, RequestVisitor, ServerMethod};
use app_server_protocol::rpc::{EnvelopeError, Incoming, RequestId, RpcError};
use app_server_protocol::v2::*;
use app_server_protocol::{NoParams, ServerNotification};
use expect_test::expect_file;
use pretty_assertions::assert_eq;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use support::{EXCHANGES, golden, golden_path};

/// Reads `json` and writes it again.
fn reread<T: Serialize + DeserializeOwned>(json: &Value) -> Value {
    // From text, as on the wire: a `Value` is read along other paths.
    let value: T =
        serde_json::from_str(&json.to_string()).unwrap_or_else(|error| panic!("{error} in {json}"));
    serde_json::to_value(&value).unwrap()
}

/// Checks that the entries of a golden file, read as `T` and written again, are the file's text.
#[track_caller]
fn check_values<T: Serialize + DeserializeOwned + PartialEq + Debug>(file: &str) {
    let entries = golden(file);
    let values: Vec<T> =
        entries.iter().map(|entry| serde_json::from_str(&entry.to_string()).unwrap()).collect();
    let written: Vec<Value> = values.iter().map(|value| serde_json::to_value(value).unwrap()).collect();
    assert_eq!(written, entries, "{file}");
    for (value, json) in values.iter().zip(&written) {
        assert_eq!(&serde_json::from_value::<T>(json.clone()).unwrap(), value);
    }
    check_text(file, &written);
}

#[track_caller]
fn check_text(file: &str, entries: &[Value]) {
    let text = serde_json::to_string_pretty(entries).unwrap() + "\n";
    expect_file![golden_path(file)].assert_eq(&text);
}

/// Rereads the entries of golden files of requests.
struct Exchanges {
    entries: Vec<Value>,
    /// Which side of a request is ours, so that all of it is in the golden file.
    we_ask: bool,
    seen: BTreeSet<&'static str>,
}

impl RequestVisitor for Exchanges {
    fn request<R: Request>(&mut self) {
        for entry in self.entries.iter_mut().filter(|entry| entry["method"] == R::METHOD) {
            self.seen.insert(R::METHOD);
            let (params, result) =
                (reread::<R::Params>(&entry["params"]), reread::<R::Response>(&entry["result"]));
            let (ours, theirs) = if self.we_ask { ("params", "result") } else { ("result", "params") };
            let (ours_now, theirs_now) = if self.we_ask { (params, result) } else { (result, params) };
            assert_eq!(ours_now, entry[ours], "{ours} of {}", R::METHOD);
            assert_keeps(&theirs_now, &entry[theirs], R::METHOD);
            entry[ours] = ours_now;
        }
    }
}

/// Asserts that `now` has every member of `before`, with its value.
fn assert_keeps(now: &Value, before: &Value, at: &str) {
    match (now, before) {
        (Value::Object(now), Value::Object(before)) => {
            for (name, value) in before {
                let kept = now.get(name).unwrap_or_else(|| panic!("{at}.{name} was lost"));
                assert_keeps(kept, value, &format!("{at}.{name}"));
            }
        }
        (Value::Array(now), Value::Array(before)) if now.len() == before.len() => {
            for (now, before) in now.iter().zip(before) {
                assert_keeps(now, before, at);
            }
        }
        _ => assert_eq!(now, before, "{at}"),
    }
}

#[test]
fn requests_of_the_client() {
    let mut seen = BTreeSet::new();
    for file in EXCHANGES {
        let mut exchanges = Exchanges { entries: golden(file), we_ask: false, seen: BTreeSet::new() };
        ClientMethod::visit_all(&mut exchanges);
        check_text(file, &exchanges.entries);
        let named: BTreeSet<_> =
            exchanges.entries.iter().map(|entry| entry["method"].as_str().unwrap()).collect();
        assert_eq!(exchanges.seen, named, "{file} names a method that does not exist");
        seen.extend(exchanges.seen);
    }
    // Whoever makes a method work adds it here, with its golden messages.
    let in_use = [
        "initialize",
        "thread/start",
        "thread/resume",
        "thread/read",
        "thread/list",
        "thread/loaded/list",
        "thread/archive",
        "thread/unarchive",
        "thread/name/set",
        "thread/unsubscribe",
        "turn/start",
        "turn/interrupt",
        "turn/steer",
        "collaborationMode/list",
    ];
    for method in in_use {
        assert!(seen.contains(method), "no golden message for {method}");
    }
}

#[test]
fn requests_of_the_server() {
    let file = "server_requests.json";
    let mut exchanges = Exchanges { entries: golden(file), we_ask: true, seen: BTreeSet::new() };
    ServerMethod::visit_all(&mut exchanges);
    check_text(file, &exchanges.entries);
    let all: BTreeSet<_> = ServerMethod::ALL.iter().map(|method| method.name()).collect();
    assert_eq!(exchanges.seen, all);
}

#[test]
fn notifications_of_the_server() {
    let file = "notifications.json";
    let entries = golden(file);
    let mut seen = BTreeSet::new();
    let mut written = Vec::new();
    for entry in &entries {
        let method = entry["method"].as_str().unwrap();
        let read = |params: &Value| ServerNotification::deserialize_params(method, params).unwrap().unwrap();
        let notification = read(&entry["params"]);
        assert_eq!(notification.method(), method);
        let params = notification.serialize_params(serde_json::value::Serializer).unwrap();
        assert_eq!(params, entry["params"], "{method}");
        assert_eq!(read(&params), notification);
        seen.insert(notification.method());
        written.push(json!({ "method": method, "params": params }));
    }
    check_text(file, &written);
    let all: BTreeSet<_> = ServerNotification::ALL.iter().copied().collect();
    assert_eq!(seen, all);
    assert!(ServerNotification::deserialize_params("thread/unknown", &Value::Null).is_none());
}

#[test]
fn items() {
    check_values::<ThreadItem>("items.json");
    let kinds: BTreeSet<_> =
        golden("items.json").iter().map(|item| item["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, variants_in_schema("ThreadItem"));
}

#[test]
fn user_inputs() {
    check_values::<UserInput>("inputs.json");
    let kinds: BTreeSet<_> =
        golden("inputs.json").iter().map(|input| input["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, variants_in_schema("UserInput"));
}

#[test]
fn error_infos() {
    check_values::<CodexErrorInfo>("error_infos.json");
    let unknown: Vec<_> = golden("error_infos.json")
        .into_iter()
        .filter(|info| {
            matches!(serde_json::from_value(info.clone()), Ok(CodexErrorInfo::Unknown(kept)) if kept == *info)
        })
        .collect();
    assert_eq!(unknown, [json!("somethingNew"), json!({ "somethingNewer": { "why": 1 } })]);
}

#[test]
fn sandbox_policies() {
    check_values::<SandboxPolicy>("sandbox_policies.json");
}

#[test]
fn thread_statuses() {
    check_values::<ThreadStatus>("thread_statuses.json");
}

/// The tags of a union's variants as the schema has them.
fn variants_in_schema(name: &str) -> BTreeSet<String> {
    fn collect(root: &Value, schema: &Value, tags: &mut BTreeSet<String>) {
        if let Some(tag) = schema.pointer("/properties/type/enum/0").and_then(Value::as_str) {
            tags.insert(tag.to_owned());
        }
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            collect(root, root.pointer(target.trim_start_matches('#')).unwrap(), tags);
        }
        for keyword in ["oneOf", "anyOf", "allOf"] {
            for part in schema.get(keyword).and_then(Value::as_array).into_iter().flatten() {
                collect(root, part, tags);
            }
        }
    }
    let bundle = &app_server_protocol::export::json_schema(true)["codex_app_server_protocol.v2.schemas.json"];
    let root: Value = serde_json::from_str(bundle).unwrap();
    let mut tags = BTreeSet::new();
    collect(&root, support::schema::definition(&root, name), &mut tags);
    tags
}

#[test]
fn a_turn_as_rust_sees_it() {
    let turn = Turn {
        completed_at: None,
        duration_ms: None,
        error: None,
        id: "t".to_owned(),
        items: vec![ThreadItem {
            kind: ThreadItemKind::UserMessage {
                id: "i".to_owned(),
                client_id: None,
                content: vec![UserInput::Text { text: "hello".to_owned(), text_elements: Vec::new() }],
            },
            started_at_ms: Some(1),
            completed_at_ms: None,
        }],
        items_view: TurnItemsView::Full,
        root_turn_id: None,
        started_at: Some(2),
        status: TurnStatus::InProgress,
    };
    let json = json!({
        "completedAt": null,
        "durationMs": null,
        "error": null,
        "id": "t",
        "items": [{
            "type": "userMessage",
            "id": "i",
            "clientId": null,
            "content": [{ "type": "text", "text": "hello", "text_elements": [] }],
            "startedAtMs": 1,
            "completedAtMs": null,
        }],
        "itemsView": "full",
        "rootTurnId": null,
        "startedAt": 2,
        "status": "inProgress",
    });
    assert_eq!(serde_json::to_value(&turn).unwrap(), json);
    assert_eq!(serde_json::from_value::<Turn>(json).unwrap(), turn);
}

#[test]
fn an_unset_member_of_a_thread_is_null_and_not_left_out() {
    let bare = json!({
        "id": "t", "sessionId": "t", "cliVersion": "0", "createdAt": 0, "updatedAt": 0, "cwd": "/", "ephemeral": true,
        "modelProvider": "openai", "preview": "", "source": "vscode", "status": { "type": "idle" }, "turns": [],
    });
    let written = reread::<Thread>(&bare);
    let unset: Vec<&str> = written
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, value)| value.is_null())
        .map(|(name, _)| &**name)
        .collect();
    assert_eq!(
        unset,
        [
            "agentNickname",
            "agentRole",
            "forkedFromId",
            "gitInfo",
            "model",
            "name",
            "originator",
            "parentThreadId",
            "path",
            "projectId",
            "reasoningEffort",
            "recencyAt",
            "section",
            "sectionEnteredAt",
            "threadSource",
        ]
    );
}

#[test]
fn unknown_members_are_ignored() {
    let params = r#"{"threadId":"t","fromTheFuture":{"a":[1]}}"#;
    let read: ThreadArchiveParams = serde_json::from_str(params).unwrap();
    assert_eq!(read, ThreadArchiveParams { thread_id: "t".to_owned() });
}

#[test]
fn unknown_items_of_the_history_are_read_as_other() {
    let item = json!({ "type": "brand_new", "payload": 1 });
    assert_eq!(serde_json::from_value::<ResponseItem>(item).unwrap(), ResponseItem::Other);
}

#[test]
fn no_params_means_anything() {
    for params in ["null", "{}", r#"{"x":1}"#] {
        assert_eq!(serde_json::from_str::<NoParams>(params).unwrap(), NoParams);
    }
}

#[test]
fn a_relative_path_is_refused_where_an_absolute_one_is_due() {
    let error = serde_json::from_value::<FsReadFileParams>(json!({ "path": "x" })).unwrap_err();
    assert_eq!(error.to_string(), "path is not absolute: x");
}

mod envelope {
    use pretty_assertions::assert_eq;

    use super::*;

    #[track_caller]
    fn request(line: &str) -> (RequestId, String, Option<String>) {
        match Incoming::parse(line.as_bytes()).unwrap() {
            Incoming::Request { id, method, params } => {
                (id, method.into_owned(), params.map(|params| params.get().to_owned()))
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_not_a_message_is_dropped() {
        let malformed = [
            "",
            "   ",
            "hello",
            "[]",
            r#" [1, "initialize"]"#,
            r#"[{"id":1,"method":"initialize"}]"#,
            r#""initialize""#,
            "7",
            "null",
            "true",
            r#"{"id":1,"method":"a"}{"id":2,"method":"a"}"#,
            r#"{"id":1,"method":"a"} {"id":2,"method":"a"}"#,
            r#"{"id":1,"method":"a""#,
            r#"{"id":1.5,"method":"a"}"#,
            r#"{"id":null,"method":"a"}"#,
            r#"{"id":true,"method":"a"}"#,
            r#"{"id":[1],"method":"a"}"#,
            r#"{"id":9223372036854775808,"method":"a"}"#,
            r#"{"id":1,"method":7}"#,
            r#"{"id":1,"method":["a"]}"#,
        ];
        for line in malformed {
            let result = Incoming::parse(line.as_bytes());
            assert!(matches!(result, Err(EnvelopeError::Malformed(_))), "{line}: {result:?}");
        }
        for line in ["{}", r#"{"id":7}"#, r#"{"params":{}}"#, r#"{"result":1}"#, r#"{"id":7,"error":null}"#] {
            let result = Incoming::parse(line.as_bytes());
            assert!(matches!(result, Err(EnvelopeError::Shapeless)), "{line}: {result:?}");
        }
        let not_utf8 = b"{\"id\":1,\"method\":\"a\xff\"}";
        assert!(matches!(Incoming::parse(not_utf8), Err(EnvelopeError::Malformed(_))));
    }

    #[test]
    fn ids_keep_their_type_and_value() {
        for id in ["-3", "0", "9223372036854775807", "-9223372036854775808", "\"str-id\"", "\"7\"", "\"\""] {
            let (read, _, _) = request(&format!(r#"{{"id":{id},"method":"a"}}"#));
            assert_eq!(serde_json::to_string(&read).unwrap(), id);
        }
        assert_eq!(RequestId::Integer(7).to_string(), "7");
        assert_eq!(RequestId::String("7".to_owned()).to_string(), "7");
    }

    #[test]
    fn params_are_handed_over_as_sent() {
        let id = RequestId::Integer(1);
        let none = (id.clone(), "x/unknown".to_owned(), None);
        assert_eq!(request(r#"{"id":1,"method":"x/unknown"}"#), none);
        assert_eq!(request(r#"{"id":1,"method":"x/unknown","params":null}"#), none);
        let some = (id, "thread/start".to_owned(), Some(r#"{ "a" : [1] }"#.to_owned()));
        assert_eq!(request(r#"{"id":1,"method":"thread/start","params":{ "a" : [1] }}"#), some);
        assert_eq!(request(r#"{"params":{ "a" : [1] },"method":"thread\/start","id":1}"#), some);
    }

    #[test]
    fn what_surrounds_or_extends_a_message_is_ignored() {
        let plain = request(r#"{"id":1,"method":"a"}"#);
        for line in [
            "  {\"id\":1,\"method\":\"a\"} \t\r",
            r#"{"jsonrpc":"2.0","id":1,"method":"a"}"#,
            r#"{"jsonrpc":7,"id":1,"method":"a","trace":{"traceparent":null},"x":[]}"#,
            r#"{"id":1,"method":"a","result":1}"#,
        ] {
            assert_eq!(request(line), plain, "{line}");
        }
    }

    #[test]
    fn the_other_kinds() {
        let notification = Incoming::parse(br#"{"method":"initialized","params":{}}"#).unwrap();
        assert!(matches!(notification, Incoming::Notification { method } if method == "initialized"));
        for (line, expected) in [
            (r#"{"id":0,"result":{"decision":"accept"}}"#, r#"{"decision":"accept"}"#),
            (r#"{"id":0,"result":null}"#, "null"),
            (r#"{"id":0,"error":null,"result":[]}"#, "[]"),
        ] {
            match Incoming::parse(line.as_bytes()).unwrap() {
                Incoming::Response { id: RequestId::Integer(0), result } => {
                    assert_eq!(result.get(), expected)
                }
                other => panic!("{other:?}"),
            }
        }
        let refusal = br#"{"error":{"code":-32601,"message":"no","data":{"a":1}},"id":"s"}"#;
        match Incoming::parse(refusal).unwrap() {
            Incoming::Error { id, error } => {
                assert_eq!(id, RequestId::String("s".to_owned()));
                let data = Some(json!({ "a": 1 }));
                assert_eq!(error, RpcError { code: -32601, message: "no".to_owned(), data });
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_error_without_data_has_no_such_member() {
        let error = RpcError::invalid("Not initialized");
        assert_eq!(
            serde_json::to_value(error).unwrap(),
            json!({ "code": -32600, "message": "Not initialized" })
        );
    }
}
