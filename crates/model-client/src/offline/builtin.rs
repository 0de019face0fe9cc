//! The default offline model: rules from a request to the events of its answer. It must say clearly that it is
//! scripted, and it decides from the request alone.

use serde_json::{Value, json};

/// The longest piece of the user's text that is quoted back, in characters.
const MAX_QUOTED_CHARS: usize = 200;
/// How many words go into one delta.
const WORDS_PER_DELTA: usize = 4;

/// Words in a request that make the model run commands, and words that make it write a patch.
const LOOKS: &[&str] = &["run", "look", "list", "show", "check", "outside"];
const WRITES: &[&str] = &["add", "change", "write", "fix", "edit", "create", "greet"];

const SUMMARY: &str =
    "**Reading the request**\n\nThis is a scripted model, so there is nothing to think about.";
const PATCH_UPDATE: &str =
    "*** Begin Patch\n*** Update File: README.md\n@@\n+\n+Hello from the offline model.\n*** End Patch\n";
const PATCH_ADD: &str =
    "*** Begin Patch\n*** Add File: README.md\n+# Hello\n+\n+Hello from the offline model.\n*** End Patch\n";

/// What the model does next.
enum Step {
    /// Says something, calls nothing.
    Answer(String),
    /// Says something and runs a script.
    Run { says: &'static str, script: &'static str },
    /// Says something and applies a patch.
    Patch { says: &'static str, patch: &'static str },
}

/// Returns the events that answer the request.
pub(super) fn events(request: &Value) -> Vec<Value> {
    let asked = last_user_text(request);
    let quoted = quote(&asked);
    // Item ids must differ between the turns of a thread, also after the process was started anew.
    let tag = format!("{:016x}", fastrand::u64(..));
    let outputs = outputs_since(request);
    let step = next_step(request, &asked, &quoted, &outputs);

    let mut events = vec![json!({"type": "response.created", "response": {"id": format!("resp_{tag}")}})];
    let mut said = Vec::new();
    if outputs.is_empty() {
        let plan = format!(
            "Hello! I am the scripted offline model: no network, no key, no intelligence. You asked: {quoted}. A real \
             model would now look at the files concerned, make the change in small steps and check the result."
        );
        reasoning(&mut events, &format!("rs_{tag}"), SUMMARY);
        message(&mut events, &format!("msg_{tag}_1"), &plan, "commentary");
        said.push(plan);
    }
    let id = format!("msg_{tag}_2");
    match step {
        Step::Answer(text) => {
            message(&mut events, &id, &text, "final_answer");
            said.push(text);
        }
        Step::Run { says, script } => {
            message(&mut events, &id, says, "commentary");
            events.push(run(request, &tag, script));
            said.push(format!("{says}{script}"));
        }
        Step::Patch { says, patch } => {
            message(&mut events, &id, says, "commentary");
            events.push(json!({
                "type": "response.output_item.done",
                "item": {"type": "custom_tool_call", "call_id": format!("call_{tag}"), "name": "apply_patch", "input": patch},
            }));
            said.push(format!("{says}{patch}"));
        }
    }
    let usage = usage(&request.to_string(), SUMMARY, &said);
    events.push(json!({
        "type": "response.completed",
        "response": {"id": format!("resp_{tag}"), "usage": usage},
    }));
    events
}

/// Decides by the words of the request and by how many tools have answered since.
fn next_step(request: &Value, asked: &str, quoted: &str, outputs: &[&Value]) -> Step {
    let talk = || {
        Step::Answer(format!(
            "Your request was {quoted}. This answer is scripted and was made offline: nothing was read, run or \
             changed. Choose another model provider for real work."
        ))
    };
    let words: Vec<String> = asked.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase).collect();
    let has = |known: &[&str]| words.iter().any(|word| known.contains(&word.as_str()));
    let (can_run, can_patch) = (command_tool(request).is_some(), offers(request, "apply_patch"));
    let last = outputs.last().map(|output| output.to_string()).unwrap_or_default();
    if can_run && has(LOOKS) {
        return match outputs.len() {
            0 => Step::Run { says: "First I look at the folder.", script: "ls -A" },
            1 => Step::Run {
                says: "Now I try to write a file outside of it, which the sandbox should not let me.",
                script: "echo 'written by the agent' > ../outside.txt",
            },
            _ => {
                Step::Answer(format!("Both commands were real ones. The last of them said: {}", quote(&last)))
            }
        };
    }
    if can_patch && has(WRITES) {
        return match outputs.len() {
            0 => Step::Patch { says: "I add a line to the README.", patch: PATCH_UPDATE },
            1 if last.contains("verification failed") => {
                Step::Patch { says: "There is no README yet, so I write one.", patch: PATCH_ADD }
            }
            _ if last.contains("rejected") => {
                Step::Answer("You did not want the change, so nothing is changed.".to_owned())
            }
            _ => Step::Answer("The README has a new line now.".to_owned()),
        };
    }
    talk()
}

/// The call that runs a script by whichever tool is on offer.
fn run(request: &Value, tag: &str, script: &str) -> Value {
    let (name, arguments) = match command_tool(request) {
        Some("exec_command") => ("exec_command", json!({ "cmd": script })),
        Some("shell") => ("shell", json!({ "command": ["bash", "-lc", script] })),
        _ => ("shell_command", json!({ "command": script })),
    };
    json!({
        "type": "response.output_item.done",
        "item": {
            "type": "function_call",
            "call_id": format!("call_{tag}"),
            "name": name,
            "arguments": arguments.to_string(),
        },
    })
}

fn command_tool(request: &Value) -> Option<&'static str> {
    ["exec_command", "shell_command", "shell"].into_iter().find(|name| offers(request, name))
}

fn offers(request: &Value, name: &str) -> bool {
    request["tools"].as_array().is_some_and(|tools| tools.iter().any(|tool| tool["name"] == name))
}

/// What tools have said since the user's last message.
fn outputs_since(request: &Value) -> Vec<&Value> {
    let Some(input) = request["input"].as_array() else { return Vec::new() };
    let start = input.iter().rposition(|item| item["role"] == "user").map_or(0, |at| at + 1);
    input[start..]
        .iter()
        .filter(|item| item["type"].as_str().is_some_and(|kind| kind.ends_with("_call_output")))
        .map(|item| &item["output"])
        .collect()
}

/// Returns the text of the last message the user wrote; what a turn adds around it comes earlier.
fn last_user_text(request: &Value) -> String {
    let Some(input) = request["input"].as_array() else { return String::new() };
    let Some(message) = input.iter().rev().find(|item| item["role"] == "user") else { return String::new() };
    match &message["content"] {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

fn quote(text: &str) -> String {
    let text = text.trim();
    if text.is_empty() {
        return "nothing in words".to_owned();
    }
    match text.char_indices().nth(MAX_QUOTED_CHARS) {
        Some((end, _)) => format!("\"{}...\"", &text[..end]),
        None => format!("\"{text}\""),
    }
}

fn reasoning(events: &mut Vec<Value>, id: &str, summary: &str) {
    events.push(json!({
        "type": "response.output_item.added",
        "item": {"type": "reasoning", "id": id, "summary": []},
    }));
    events.push(json!({"type": "response.reasoning_summary_part.added", "item_id": id, "summary_index": 0}));
    for delta in deltas(summary) {
        events.push(json!({
            "type": "response.reasoning_summary_text.delta",
            "item_id": id,
            "summary_index": 0,
            "delta": delta,
        }));
    }
    events.push(json!({
        "type": "response.output_item.done",
        "item": {"type": "reasoning", "id": id, "summary": [{"type": "summary_text", "text": summary}]},
    }));
}

fn message(events: &mut Vec<Value>, id: &str, text: &str, phase: &str) {
    let item = |content: Value| json!({"type": "message", "role": "assistant", "id": id, "content": content, "phase": phase});
    events.push(json!({"type": "response.output_item.added", "item": item(json!([]))}));
    for delta in deltas(text) {
        events.push(json!({"type": "response.output_text.delta", "item_id": id, "delta": delta}));
    }
    let content = json!([{"type": "output_text", "text": text}]);
    events.push(json!({"type": "response.output_item.done", "item": item(content)}));
}

/// Cuts a text into pieces of some words each, nothing lost.
fn deltas(text: &str) -> Vec<String> {
    let words: Vec<&str> = text.split_inclusive(' ').collect();
    words.chunks(WORDS_PER_DELTA).map(<[&str]>::concat).collect()
}

/// Counts four bytes as a token, as one does without a vocabulary.
fn usage(request: &str, summary: &str, texts: &[String]) -> Value {
    let tokens = |bytes: usize| bytes.div_ceil(4);
    let input = tokens(request.len());
    let reasoning = tokens(summary.len());
    let output = reasoning + tokens(texts.iter().map(String::len).sum());
    json!({
        "input_tokens": input,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": reasoning},
        "total_tokens": input + output,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer_to(text: &str) -> Vec<Value> {
        events(&json!({"input": [
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "environment"}]},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "before"}]},
        ]}))
    }

    fn done_texts(events: &[Value]) -> Vec<(&str, &str)> {
        events
            .iter()
            .filter(|event| event["type"] == "response.output_item.done")
            .filter_map(|event| {
                Some((event["item"]["phase"].as_str()?, event["item"]["content"][0]["text"].as_str()?))
            })
            .collect()
    }

    #[test]
    fn says_what_was_asked_and_that_it_is_scripted() {
        let events = answer_to("list the files");
        let texts = done_texts(&events);
        assert_eq!(texts.iter().map(|(phase, _)| *phase).collect::<Vec<_>>(), ["commentary", "final_answer"]);
        for (_, text) in texts {
            assert!(text.contains("\"list the files\"") && text.contains("scripted"), "{text}");
        }
    }

    #[test]
    fn deltas_add_up_to_the_message() {
        let events = answer_to("  two\nlines ");
        let (_, text) = done_texts(&events)[1];
        let id = &events.iter().rev().find(|event| event["type"] == "response.output_item.done").unwrap()["item"]
            ["id"];
        let streamed: Vec<&str> = events
            .iter()
            .filter(|event| event["type"] == "response.output_text.delta" && event["item_id"] == *id)
            .filter_map(|event| event["delta"].as_str())
            .collect();
        assert!(streamed.len() > 3);
        assert_eq!(streamed.concat(), text);
    }

    /// The calls of an answer, by the tool's name, and whether it ends the turn.
    fn calls(text: &str, outputs: &[&str]) -> Vec<String> {
        let mut input = vec![
            json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}),
        ];
        for output in outputs {
            input.push(json!({"type": "function_call_output", "call_id": "c", "output": output}));
        }
        let tools = json!([{"name": "exec_command"}, {"name": "apply_patch"}]);
        events(&json!({"input": input, "tools": tools}))
            .iter()
            .filter_map(|event| event["item"]["name"].as_str().map(str::to_owned))
            .collect()
    }

    #[test]
    fn words_make_it_act_and_outputs_make_it_go_on() {
        assert_eq!(calls("Look around", &[]), ["exec_command"]);
        assert_eq!(calls("Look around", &["a"]), ["exec_command"]);
        assert!(calls("Look around", &["a", "b"]).is_empty());
        assert_eq!(calls("Add a greeting", &[]), ["apply_patch"]);
        assert_eq!(calls("Add a greeting", &["apply_patch verification failed: x"]), ["apply_patch"]);
        assert!(calls("Add a greeting", &["Success."]).is_empty());
        assert!(calls("hello", &[]).is_empty());
    }

    #[test]
    fn any_request_gets_an_answer() {
        for request in
            [json!(null), json!({"input": 1}), json!({"input": [{"role": "user", "content": null}]})]
        {
            let events = events(&request);
            assert_eq!(events.last().unwrap()["type"], "response.completed");
        }
        let long = "é".repeat(5000);
        assert!(done_texts(&answer_to(&long)).iter().all(|(_, text)| text.len() < 1500));
    }
}
