//! What a model can have done, in the words of the tools that a request offers.
//!
//! Servers offer different tools to a model they do not know, and their names are all that is looked at.

use app_server_test_support::events;
use serde_json::{Value, json};

/// How long a call of the terminal may wait for its command, and a command run by another tool may take.
const WAIT_MS: u64 = 30_000;
const TIMEOUT_MS: u64 = 600_000;

/// Something to be done by a tool.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// A line for a shell, which is no login shell where that can be said.
    Command(String),
    /// A patch, from its first to its last marker.
    Patch(String),
}

/// The events of a call that does it, or None if nothing on offer can.
pub(super) fn call(request: &Value, id: &str, act: &Act) -> Option<Vec<Value>> {
    match act {
        Act::Command(line) => command_call(request, id, line),
        Act::Patch(patch) => match offered(request, "apply_patch") {
            Some("custom") => Some(events::custom_tool_call(id, "apply_patch", patch)),
            Some(_) => Some(events::function_call(id, "apply_patch", &json!({"input": patch}))),
            None => command_call(request, id, &format!("apply_patch <<'EOF'\n{patch}\nEOF\n")),
        },
    }
}

/// The events of a call that waits for a command that goes on.
pub(super) fn wait_call(id: &str, session: u64) -> Vec<Value> {
    let arguments = json!({"session_id": session, "chars": "", "yield_time_ms": WAIT_MS});
    events::function_call(id, "write_stdin", &arguments)
}

/// What the call before this request gave, or None if it was not a call that came last.
pub(super) fn last_output(request: &Value) -> Option<&Value> {
    let last = request["input"].as_array()?.last()?;
    last["type"].as_str()?.ends_with("_output").then(|| &last["output"])
}

/// The session that an output tells of as running.
pub(super) fn running_session(output: &Value) -> Option<u64> {
    let (_, rest) = output.as_str()?.split_once("running with session ID ")?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

fn command_call(request: &Value, id: &str, line: &str) -> Option<Vec<Value>> {
    let arguments = [
        ("exec_command", json!({"cmd": line, "login": false, "yield_time_ms": WAIT_MS})),
        ("shell_command", json!({"command": line, "login": false, "timeout_ms": TIMEOUT_MS})),
        ("shell", json!({"command": ["bash", "-c", line], "timeout_ms": TIMEOUT_MS})),
    ];
    let (name, arguments) = arguments.iter().find(|(name, _)| offered(request, name).is_some())?;
    Some(events::function_call(id, name, arguments))
}

/// The type of the tool of this name, if it is on offer.
fn offered<'a>(request: &'a Value, name: &str) -> Option<&'a str> {
    let tools = request["tools"].as_array()?;
    tools.iter().find(|tool| tool["name"] == name)?["type"].as_str()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Act, call, last_output, running_session};

    fn request(tools: &[(&str, &str)]) -> Value {
        let tools: Vec<_> = tools.iter().map(|(kind, name)| json!({"type": kind, "name": name})).collect();
        json!({"tools": tools, "input": [
            {"type": "function_call_output", "output": "Process running with session ID 12\nOutput:\n"},
            {"type": "function_call_output", "output": "Process exited with code 0\nOutput:\n"},
        ]})
    }

    fn tool_called(tools: &[(&str, &str)], act: &Act) -> Option<String> {
        let events = call(&request(tools), "call_1", act)?;
        events[0]["item"]["name"].as_str().map(str::to_owned)
    }

    #[test]
    fn the_tool_on_offer_is_called() {
        let (line, patch) = (Act::Command("true".into()), Act::Patch("*** Begin Patch".into()));
        let terminal = &[("function", "exec_command"), ("function", "write_stdin")];
        assert_eq!(tool_called(terminal, &line).as_deref(), Some("exec_command"));
        assert_eq!(tool_called(terminal, &patch).as_deref(), Some("exec_command"));
        let shell = &[("function", "shell"), ("custom", "apply_patch")];
        assert_eq!(tool_called(shell, &line).as_deref(), Some("shell"));
        assert_eq!(tool_called(shell, &patch).as_deref(), Some("apply_patch"));
        assert_eq!(tool_called(&[("function", "view_image")], &line), None);
    }

    #[test]
    fn only_the_last_output_counts() {
        let mut request = request(&[]);
        assert_eq!(last_output(&request).and_then(running_session), None);
        request["input"].as_array_mut().unwrap().pop();
        assert_eq!(last_output(&request).and_then(running_session), Some(12));
        request["input"].as_array_mut().unwrap().push(json!({"type": "message"}));
        assert_eq!(last_output(&request), None);
    }
}
