//! The default offline model: rules from a request to the events of its answer. It must say clearly that it is
//! scripted, and it decides from the request alone.

use serde_json::{Value, json};

/// The longest piece of the user's text that is quoted back, in characters.
const MAX_QUOTED_CHARS: usize = 200;
/// How many words go into one delta.
const WORDS_PER_DELTA: usize = 4;

/// Returns the events that answer the request.
pub(super) fn events(request: &Value) -> Vec<Value> {
    let asked = last_user_text(request);
    let quoted = quote(&asked);
    // Item ids must differ between the turns of a thread, also after the process was started anew.
    let tag = format!("{:016x}", fastrand::u64(..));

    let summary = "**Reading the request**\n\nThis is a scripted model, so there is nothing to think about.";
    let plan = format!(
        "Hello! I am the scripted offline model: no network, no key, no intelligence. You asked: {quoted}. A real \
         model would now look at the files concerned, make the change in small steps and check the result."
    );
    let answer = format!(
        "Your request was {quoted}. This answer is scripted and was made offline: nothing was read, run or changed. \
         Choose another model provider for real work."
    );

    let mut events = vec![json!({"type": "response.created", "response": {"id": format!("resp_{tag}")}})];
    reasoning(&mut events, &format!("rs_{tag}"), summary);
    message(&mut events, &format!("msg_{tag}_1"), &plan, "commentary");
    message(&mut events, &format!("msg_{tag}_2"), &answer, "final_answer");
    let usage = usage(&request.to_string(), summary, &[&plan, &answer]);
    events.push(json!({
        "type": "response.completed",
        "response": {"id": format!("resp_{tag}"), "usage": usage},
    }));
    events
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
fn usage(request: &str, summary: &str, texts: &[&str]) -> Value {
    let tokens = |bytes: usize| bytes.div_ceil(4);
    let input = tokens(request.len());
    let reasoning = tokens(summary.len());
    let output = reasoning + tokens(texts.iter().map(|text| text.len()).sum());
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
