//! What commands are shown to do.

use app_server_exec_policy::{Action, actions};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::support::{lines, script, words};

fn wire(action: &Action) -> Value {
    match action {
        Action::Read { command, name, path } => {
            json!({"type": "read", "command": command, "name": name, "path": path})
        }
        Action::ListFiles { command, path } => json!({"type": "listFiles", "command": command, "path": path}),
        Action::Search { command, query, path } => {
            json!({"type": "search", "command": command, "query": query, "path": path})
        }
        Action::Unknown { command } => json!({"type": "unknown", "command": command}),
    }
}

#[test]
fn table_of_actions() {
    let mut wrong = Vec::new();
    for line in lines(include_str!("../actions.txt")) {
        let (text, expected) = line.split_once(" => ").unwrap();
        let expected: Value = serde_json::from_str(expected).unwrap();
        let found: Value = actions(&script(text), "/w".as_ref()).iter().map(wire).collect();
        if found != expected {
            wrong.push(format!("{text}\n  expected {expected}\n  found    {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn commands_without_a_shell() {
    let found = |line: &str| actions(&words(line), "/w".as_ref()).iter().map(wire).collect::<Vec<_>>();
    assert_eq!(found("sleep 5"), [json!({"type": "unknown", "command": "sleep 5"})]);
    assert_eq!(found("cat a"), [json!({"type": "read", "command": "cat a", "name": "a", "path": "/w/a"})]);
    assert_eq!(found("bash x.sh"), [json!({"type": "unknown", "command": "bash x.sh"})]);
    assert_eq!(found(""), [json!({"type": "unknown", "command": ""})]);
}
