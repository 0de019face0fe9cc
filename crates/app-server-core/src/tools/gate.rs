//! What stands before and behind every call of a tool: the user's hooks.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{Call, CallInput, Content, Output, Part};
use crate::hooks::{self, ToolUse};
use crate::turn::TurnContext;

/// What hooks call every tool that runs a command, whatever its form.
const COMMAND: &str = "Bash";

/// What is said in place of the call, which is not made then. The call may be changed.
pub(super) async fn before(context: &Arc<TurnContext>, call: &mut Call) -> Option<Output> {
    if !hooks::has_any(context) {
        return None;
    }
    let verdict = {
        let described = Described::of(call);
        hooks::before_tool(context, &described.tool_use(call)).await
    };
    if let Some(reason) = verdict.blocked {
        return Some(Output::text(format!("blocked by hook: {reason}")).with_texts(verdict.contexts));
    }
    if let Some(input) = &verdict.updated_input {
        change(call, input);
    }
    // What hooks add before a call the model reads behind its output.
    call.added = verdict.contexts;
    None
}

/// What the model is told of a call that was made.
pub(super) async fn after(context: &Arc<TurnContext>, call: &Call, output: Output) -> Output {
    if !hooks::has_any(context) {
        return output;
    }
    let response = match &output.content {
        Content::Text(text) => Value::String(text.clone()),
        Content::Parts(parts) => json!(parts),
    };
    let described = Described::of(call);
    let verdict = hooks::after_tool(context, &described.tool_use(call), response).await;
    let mut texts = call.added.clone();
    texts.extend(verdict.blocked.map(|reason| format!("A hook says: {reason}")));
    texts.extend(verdict.contexts);
    output.with_texts(texts)
}

/// A call in the form hooks know.
struct Described {
    kind: Kind,
    name: String,
    input: Value,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Command,
    Patch,
    Other,
}

impl Described {
    fn of(call: &Call) -> Self {
        let kind = kind(call);
        let arguments = arguments(call);
        let input = match (kind, &call.input) {
            (Kind::Command, _) => json!({"command": line(&arguments)}),
            (Kind::Patch, CallInput::Custom(patch)) => json!({"command": patch}),
            (Kind::Patch, CallInput::Function(_)) => json!({"command": arguments.get("input")}),
            (Kind::Other, CallInput::Custom(text)) => json!({"input": text}),
            (Kind::Other, CallInput::Function(_)) => Value::Object(arguments),
        };
        let name = match call.namespace.as_deref().filter(|namespace| !namespace.is_empty()) {
            Some(namespace) => format!("{namespace}__{}", call.name),
            None => call.name.clone(),
        };
        Described { kind, name, input }
    }

    fn tool_use<'a>(&'a self, call: &'a Call) -> ToolUse<'a> {
        let names = match self.kind {
            Kind::Command => vec![COMMAND, self.name.as_str()],
            Kind::Patch => vec!["apply_patch", "Edit", "Write"],
            Kind::Other => vec![self.name.as_str()],
        };
        ToolUse { names, input: self.input.clone(), call_id: &call.call_id }
    }
}

fn kind(call: &Call) -> Kind {
    match call.name.as_str() {
        "shell" | "container.exec" | "local_shell" | "shell_command" | "exec_command" => Kind::Command,
        "apply_patch" => Kind::Patch,
        _ => Kind::Other,
    }
}

/// The arguments of a function, as far as they are any.
fn arguments(call: &Call) -> Map<String, Value> {
    match &call.input {
        CallInput::Function(text) => serde_json::from_str(text).unwrap_or_default(),
        CallInput::Custom(_) => Map::new(),
    }
}

/// The line that a tool for commands is called with; of a shell and its script, the script.
fn line(arguments: &Map<String, Value>) -> String {
    let command = arguments.get("cmd").or_else(|| arguments.get("command"));
    match command {
        Some(Value::String(line)) => line.clone(),
        Some(Value::Array(words)) => {
            let words: Vec<String> =
                words.iter().filter_map(|word| word.as_str().map(str::to_owned)).collect();
            match words.as_slice() {
                [_, flag, script] if is_script_flag(flag) => script.clone(),
                words => app_server_exec_policy::join(words),
            }
        }
        _ => String::new(),
    }
}

fn is_script_flag(flag: &str) -> bool {
    matches!(flag, "-c" | "-lc")
}

/// Puts what a hook wants in place of what the model wrote. What it does not name stays as it is.
fn change(call: &mut Call, input: &Value) {
    let line = input.get("command").and_then(Value::as_str);
    match (kind(call), &mut call.input, line) {
        (Kind::Patch, CallInput::Custom(patch), Some(line)) => line.clone_into(patch),
        (Kind::Patch, CallInput::Function(text), Some(line)) => *text = json!({"input": line}).to_string(),
        (Kind::Command, CallInput::Function(text), Some(line)) => {
            let mut arguments: Map<String, Value> = serde_json::from_str(text).unwrap_or_default();
            let name =
                if arguments.contains_key("cmd") || call.name == "exec_command" { "cmd" } else { "command" };
            let value = match arguments.get(name).and_then(Value::as_array).map(Vec::as_slice) {
                Some([shell, flag, _]) if flag.as_str().is_some_and(is_script_flag) => {
                    json!([shell, flag, line])
                }
                Some(_) => json!(["/bin/sh", "-c", line]),
                None => json!(line),
            };
            arguments.insert(name.to_owned(), value);
            *text = Value::Object(arguments).to_string();
        }
        (Kind::Other, CallInput::Function(text), _) => *text = input.to_string(),
        // A line is needed where there is one, and free text has no members.
        _ => {}
    }
}

impl Output {
    /// Adds texts behind what the tool says.
    fn with_texts(self, texts: Vec<String>) -> Self {
        if texts.is_empty() {
            return self;
        }
        match self.content {
            Content::Text(text) => Output::text([vec![text], texts].concat().join("\n\n")),
            Content::Parts(mut parts) => {
                parts.extend(texts.into_iter().map(|text| Part::InputText { text }));
                Output::parts(parts)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    fn call(name: &str, input: CallInput) -> Call {
        let (id, call_id) = ("c".to_owned(), "c".to_owned());
        Call { id, call_id, name: name.to_owned(), namespace: None, input, added: Vec::new() }
    }

    /// What hooks are told of a call, and the call after a hook has put `echo new` in place.
    fn seen(name: &str, input: CallInput) -> (Vec<String>, Value, String) {
        let mut call = call(name, input);
        let described = Described::of(&call);
        let names = described.tool_use(&call).names.iter().map(|name| (*name).to_owned()).collect();
        let told = described.input;
        change(&mut call, &json!({"command": "echo new"}));
        let text = match call.input {
            CallInput::Function(text) | CallInput::Custom(text) => text,
        };
        (names, told, text)
    }

    #[test]
    fn every_form_of_a_command_is_one_tool_for_hooks() {
        let function = |value: Value| CallInput::Function(value.to_string());
        for (name, input, told, changed) in [
            (
                "exec_command",
                json!({"cmd": "ls", "workdir": "/"}),
                "ls",
                json!({"cmd": "echo new", "workdir": "/"}),
            ),
            ("shell_command", json!({"command": "ls"}), "ls", json!({"command": "echo new"})),
            (
                "shell",
                json!({"command": ["bash", "-lc", "ls | wc"]}),
                "ls | wc",
                json!({"command": ["bash", "-lc", "echo new"]}),
            ),
            (
                "local_shell",
                json!({"command": ["ls", "a b"]}),
                "ls 'a b'",
                json!({"command": ["/bin/sh", "-c", "echo new"]}),
            ),
        ] {
            let (names, input, text) = seen(name, function(input));
            assert_eq!((names, input), (vec!["Bash".to_owned(), name.to_owned()], json!({"command": told})));
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), changed);
        }
    }

    #[test]
    fn patches_and_other_tools() {
        let (names, told, text) = seen("apply_patch", CallInput::Custom("*** Begin".to_owned()));
        assert_eq!((names[0].as_str(), told), ("apply_patch", json!({"command": "*** Begin"})));
        assert_eq!(text, "echo new");
        let (names, told, text) = seen("view_image", CallInput::Function("{\"path\": \"a\"}".to_owned()));
        assert_eq!((names, told), (vec!["view_image".to_owned()], json!({"path": "a"})));
        assert_eq!(text, "{\"command\":\"echo new\"}");
        let mut call = call("tool", CallInput::Function("not json".to_owned()));
        call.namespace = Some("mcp__files".to_owned());
        assert_eq!(Described::of(&call).tool_use(&call).names, ["mcp__files__tool"]);
    }
}
