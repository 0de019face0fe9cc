//! The generated schema: the checked-in copy is what the generators write, the tables agree with the types, and the
//! golden messages fit it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use app_server_protocol::experimental::gated_fields;
use app_server_protocol::export::{self, Tree};
use app_server_protocol::methods::{ClientMethod, ServerMethod, ServerNotification};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};
use support::schema::{definition, validate};
use support::{EXCHANGES, golden};

const FLAT_BUNDLE: &str = "codex_app_server_protocol.v2.schemas.json";

fn bundle(experimental: bool) -> Value {
    serde_json::from_str(&export::json_schema(experimental)[FLAT_BUNDLE]).unwrap()
}

/// Why a checked-in tree is stale, if it is: the first file that differs, is missing or is left over.
fn staleness(dir: &Path, tree: &Tree) -> Option<String> {
    let mut left_over: BTreeSet<String> = BTreeSet::new();
    let mut folders: Vec<PathBuf> = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(dir).unwrap().to_string_lossy().replace('\\', "/");
                left_over.insert(name);
            }
        }
    }
    for (name, content) in tree {
        left_over.remove(name);
        match std::fs::read_to_string(dir.join(name)) {
            Ok(text) if text == *content => {}
            Ok(_) => return Some(format!("{name} differs")),
            Err(_) => return Some(format!("{name} is missing")),
        }
    }
    left_over.pop_first().map(|name| format!("{name} is left over"))
}

#[test]
fn the_checked_in_schema_is_current() {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema");
    for (folder, tree) in [("json", export::json_schema(false)), ("typescript", export::typescript(false))] {
        if let Some(reason) = staleness(&schema.join(folder), &tree) {
            panic!("schema/{folder}: {reason}; run `cargo xtask schema`");
        }
    }
}

#[test]
fn a_stale_tree_is_noticed() {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("a_stale_tree_is_noticed");
    let _ = std::fs::remove_dir_all(&dir);
    let tree = Tree::from([("a.ts".to_owned(), "1".to_owned()), ("v2/b.ts".to_owned(), "2".to_owned())]);
    assert_eq!(staleness(&dir, &tree).unwrap(), "a.ts is missing");
    export::write(&tree, &dir).unwrap();
    assert_eq!(staleness(&dir, &tree), None);
    std::fs::write(dir.join("v2/c.ts"), "3").unwrap();
    assert_eq!(staleness(&dir, &tree).unwrap(), "v2/c.ts is left over");
    std::fs::write(dir.join("v2/b.ts"), "3").unwrap();
    assert_eq!(staleness(&dir, &tree).unwrap(), "v2/b.ts differs");
}

#[test]
fn gated_fields_are_those_marked_in_the_types() {
    for line in export::client_table() {
        let method = ClientMethod::from_name(line.method).unwrap();
        let table: Vec<&str> = gated_fields(method).to_vec();
        let marked: Vec<&str> = line.gated.iter().map(String::as_str).collect();
        assert_eq!(table, marked, "gated fields of {} (left: the table, right: the marks)", line.method);
    }
}

#[test]
fn every_method_has_its_types_in_the_bundle() {
    let bundle = bundle(true);
    let table = export::client_table();
    assert_eq!(table.len(), ClientMethod::ALL.len());
    let variants = definition(&bundle, "ClientRequest")["oneOf"].as_array().unwrap();
    for (line, method) in table.iter().zip(ClientMethod::ALL) {
        assert_eq!(line.method, method.name());
        for name in line.params.iter().chain(&line.response) {
            assert!(definition(&bundle, name).is_object(), "{name} of {} is not in the bundle", line.method);
        }
        assert!(line.response.is_some(), "{} answers nothing", line.method);
        let variant =
            variants.iter().find(|variant| variant["properties"]["method"]["enum"][0] == line.method);
        let params =
            &variant.unwrap_or_else(|| panic!("{} is no request", line.method))["properties"]["params"];
        match &line.params {
            Some(name) => {
                assert!(params.to_string().contains(&format!("\"#/definitions/{name}\"")), "{}", line.method);
            }
            None => assert_eq!(params, &json!({ "type": "null" }), "{}", line.method),
        }
    }
}

#[test]
fn notifications_fit_the_schema() {
    for experimental in [false, true] {
        let bundle = bundle(experimental);
        let union = definition(&bundle, "ServerNotification");
        let known = union["oneOf"].as_array().unwrap();
        let mut checked = 0;
        for notification in golden("notifications.json") {
            let is_known =
                |variant: &Value| variant["properties"]["method"]["enum"][0] == notification["method"];
            if !experimental && !known.iter().any(is_known) {
                continue;
            }
            validate(&bundle, union, &notification)
                .unwrap_or_else(|error| panic!("{error} in {notification}"));
            checked += 1;
        }
        assert!(checked >= known.len(), "{checked} messages for {} notifications", known.len());
    }
}

#[test]
fn requests_and_results_fit_the_schema() {
    let bundle = bundle(true);
    let table = export::client_table();
    let union = definition(&bundle, "ClientRequest");
    for exchange in EXCHANGES.iter().flat_map(|file| golden(file)) {
        let request = json!({ "id": 1, "method": exchange["method"], "params": exchange["params"] });
        validate(&bundle, union, &request).unwrap_or_else(|error| panic!("{error} in {request}"));
        let line = table.iter().find(|line| exchange["method"] == line.method).unwrap();
        let response = definition(&bundle, line.response.as_ref().unwrap());
        validate(&bundle, response, &exchange["result"])
            .unwrap_or_else(|error| panic!("{error} in {exchange}"));
    }
    let union = definition(&bundle, "ServerRequest");
    for exchange in golden("server_requests.json") {
        let request = json!({ "id": 0, "method": exchange["method"], "params": exchange["params"] });
        validate(&bundle, union, &request).unwrap_or_else(|error| panic!("{error} in {request}"));
    }
}

#[test]
fn values_fit_the_schema() {
    let bundle = bundle(false);
    for (file, name) in [
        ("items.json", "ThreadItem"),
        ("inputs.json", "UserInput"),
        ("error_infos.json", "CodexErrorInfo"),
        ("sandbox_policies.json", "SandboxPolicy"),
        ("thread_statuses.json", "ThreadStatus"),
    ] {
        for value in golden(file) {
            let schema = definition(&bundle, name);
            validate(&bundle, schema, &value).unwrap_or_else(|error| panic!("{error} in {value}"));
        }
    }
}

/// An unset member is null and not left out (the exceptions are members that only some values of a type have).
/// Members the reference leaves out when there is nothing to say (observed).
const LEFT_OUT: &[(&str, &str)] =
    &[("ConfigWarningNotification", "path"), ("ConfigWarningNotification", "range")];

#[test]
fn stable_members_are_always_sent() {
    let bundle = bundle(false);
    let table = export::client_table();
    let mut values: Vec<(String, Value)> = Vec::new();
    for exchange in EXCHANGES.iter().flat_map(|file| golden(file)) {
        let line = table.iter().find(|line| exchange["method"] == line.method).unwrap();
        values.push((line.response.clone().unwrap(), exchange["result"].clone()));
    }
    let variants = definition(&bundle, "ServerNotification")["oneOf"].as_array().unwrap();
    for notification in golden("notifications.json") {
        let is_its = |variant: &&Value| variant["properties"]["method"]["enum"][0] == notification["method"];
        let Some(variant) = variants.iter().find(is_its) else { continue };
        let name = variant["properties"]["params"]["$ref"].as_str().unwrap();
        values.push((name.replace("#/definitions/", ""), notification["params"].clone()));
    }
    for (name, value) in values.clone() {
        for (member, inner) in [("thread", "Thread"), ("turn", "Turn"), ("error", "TurnError")] {
            if value[member].is_object() {
                values.push((inner.to_owned(), value[member].clone()));
            }
        }
        assert!(value.is_object(), "{name}");
    }
    for (name, value) in values {
        let properties = definition(&bundle, &name)["properties"].as_object();
        let missing: Vec<&String> = properties
            .into_iter()
            .flatten()
            .map(|(name, _)| name)
            .filter(|member| value.get(member).is_none() && !LEFT_OUT.contains(&(&name, member)))
            .collect();
        assert!(missing.is_empty(), "{name} lacks {missing:?} in {value}");
    }
}

#[test]
fn the_stable_schema_has_nothing_experimental() {
    let (stable, all) = (export::json_schema(false), export::json_schema(true));
    let requests = &stable["ClientRequest.json"];
    assert!(requests.contains("\"thread/start\"") && !requests.contains("\"process/spawn\""));
    assert!(all["ClientRequest.json"].contains("\"process/spawn\""));
    let start = |tree: &Tree| serde_json::from_str::<Value>(&tree["v2/ThreadStartParams.json"]).unwrap();
    assert_eq!(start(&stable)["properties"].get("dynamicTools"), None);
    assert!(start(&all)["properties"].get("dynamicTools").is_some());
    for (name, text) in stable.iter().chain(&all) {
        assert!(!text.contains("\"x-"), "{name} shows a mark of ours");
    }
    // The TypeScript leaves out the same.
    let stable = export::typescript(false);
    assert!(!stable["v2/ThreadStartParams.ts"].contains("dynamicTools"));
    assert!(!stable.contains_key("v2/ProcessSpawnParams.ts"));
    let all = export::typescript(true);
    assert!(all["v2/ThreadStartParams.ts"].contains("dynamicTools"));
    assert!(all.contains_key("v2/ProcessSpawnParams.ts"));
}

#[test]
fn older_forms_are_not_in_the_schema() {
    let bundle = bundle(true);
    let answer = definition(&bundle, "ChatgptAuthTokensRefreshResponse");
    assert_eq!(answer["required"], json!(["accessToken", "chatgptAccountId"]));
    assert_eq!(answer["properties"]["chatgptAccountId"]["type"], "string");
    let typescript = export::typescript(true);
    for (name, text) in export::json_schema(true).iter().chain(&typescript) {
        assert!(!text.contains("idToken\""), "{name}");
    }
    assert!(typescript["v2/LoginAccountParams.ts"].contains("chatgptAccountId: string,"));
    assert!(!typescript["v2/LoginAccountParams.ts"].contains("idToken:"));
}

/// The names in backticks that begin the rows of the tables below a heading of the protocol document.
fn documented(heading: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/protocol.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (_, section) = text.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no {heading}"));
    let level = heading.find(' ').unwrap();
    section
        .lines()
        .take_while(|line| line.find(' ').is_none_or(|at| !line.starts_with('#') || at > level))
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next().map(str::to_owned))
        .collect()
}

#[test]
fn the_document_has_every_method_and_notification() {
    let in_table: BTreeSet<&str> = ServerMethod::ALL.iter().map(|method| method.name()).collect();
    let mut requests = documented("### Requests of the server");
    let never_sent = documented("### Declared and never sent");
    requests.extend(never_sent.into_iter().filter(|name| in_table.contains(name.as_str())));
    assert_eq!(requests.iter().map(String::as_str).collect::<BTreeSet<_>>(), in_table);

    let methods: Vec<String> =
        documented("## Methods").into_iter().filter(|name| !requests.contains(name)).collect();
    let in_table: BTreeSet<&str> = ClientMethod::ALL.iter().map(|method| method.name()).collect();
    assert_eq!(methods.iter().map(String::as_str).collect::<BTreeSet<_>>(), in_table);
    assert_eq!(methods.len(), in_table.len(), "a method is listed twice");

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/protocol.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (_, notifications) = text.split_once("\n## Notifications\n").unwrap();
    for name in ServerNotification::ALL {
        assert!(notifications.contains(&format!("`{name}`")), "{name} is not in the document");
    }
}

mod validator {
    use pretty_assertions::assert_eq;
    use serde_json::{Value, json};

    use super::validate;

    #[track_caller]
    fn check(schema: &Value, fits: &[Value], errors: &[(Value, &str)]) {
        let root = json!({ "definitions": { "Name": { "type": "string" } } });
        for value in fits {
            validate(&root, schema, value).unwrap();
        }
        for (value, error) in errors {
            assert_eq!(validate(&root, schema, value).unwrap_err(), *error);
        }
    }

    #[test]
    fn notices_what_does_not_fit() {
        check(
            &json!({ "type": ["integer", "null"] }),
            &[json!(1), json!(null)],
            &[(json!(1.5), "$: 1.5 is not of type [\"integer\",\"null\"]")],
        );
        check(&json!({ "enum": ["a"] }), &[json!("a")], &[(json!("b"), "$: \"b\" is none of [\"a\"]")]);
        check(&json!({ "minimum": 0 }), &[json!(0)], &[(json!(-1), "$: -1 is less than 0")]);
        check(
            &json!({ "$ref": "#/definitions/Name" }),
            &[json!("a")],
            &[(json!(1), "$: 1 is not of type \"string\"")],
        );
        check(
            &json!({ "properties": { "a": { "type": "null" } }, "required": ["a"], "additionalProperties": false }),
            &[json!({ "a": null })],
            &[
                (json!({}), "$: \"a\" is missing"),
                (json!({ "a": 1 }), "$.a: 1 is not of type \"null\""),
                (json!({ "a": null, "b": 1 }), "$.b: nothing is allowed here"),
            ],
        );
        check(
            &json!({ "items": { "type": "string" } }),
            &[json!([]), json!(["a"])],
            &[(json!(["a", 1]), "$[1]: 1 is not of type \"string\"")],
        );
        check(
            &json!({ "oneOf": [{ "type": "integer" }, { "minimum": 5 }] }),
            &[json!(1)],
            &[(json!(7), "$: 7 fits 2 parts of oneOf")],
        );
        check(
            &json!({ "anyOf": [{ "type": "integer" }, { "type": "null" }] }),
            &[json!(7)],
            &[(
                json!("a"),
                "$: fits no part of anyOf: $: \"a\" is not of type \"integer\"; $: \"a\" is not of type \"null\"",
            )],
        );
    }

    #[test]
    #[should_panic(expected = "does not know the keyword pattern")]
    fn passes_over_no_keyword() {
        let _ = validate(&Value::Null, &json!({ "pattern": "a" }), &json!("b"));
    }
}
