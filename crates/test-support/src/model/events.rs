//! Events of the Responses API, for scripts. The shapes are those the recorded conversations hold.

use serde_json::{Value, json};

/// `response.created`.
pub fn created(response_id: &str) -> Value {
    json!({"type": "response.created", "response": {"id": response_id}})
}

/// `response.completed`; for `usage` see [`usage`](super::usage).
pub fn completed(response_id: &str, usage: &Value) -> Value {
    json!({"type": "response.completed", "response": {"id": response_id, "usage": usage}})
}

/// `response.failed` with an error code.
pub fn failed(code: &str, message: &str) -> Value {
    json!({
        "type": "response.failed",
        "response": {"id": "resp_1", "error": {"code": code, "message": message}},
    })
}

/// `response.incomplete` with a reason.
pub fn incomplete(reason: &str) -> Value {
    json!({
        "type": "response.incomplete",
        "response": {"id": "resp_1", "incomplete_details": {"reason": reason}},
    })
}

/// `response.output_item.added`.
pub fn item_added(item: &Value) -> Value {
    json!({"type": "response.output_item.added", "output_index": 0, "item": item})
}

/// `response.output_item.done`.
pub fn item_done(item: &Value) -> Value {
    json!({"type": "response.output_item.done", "output_index": 0, "item": item})
}

/// `response.output_text.delta` of the message with this id.
pub fn text_delta(id: &str, delta: &str) -> Value {
    json!({
        "type": "response.output_text.delta",
        "item_id": id,
        "output_index": 0,
        "content_index": 0,
        "delta": delta,
    })
}

/// A message: added, one delta a word, done.
pub fn message(id: &str, text: &str) -> Vec<Value> {
    message_of(id, text.split_inclusive(' '), None)
}

/// A message of a model that tells its `commentary` from its `final_answer`.
pub fn message_in_phase(id: &str, text: &str, phase: &str) -> Vec<Value> {
    message_of(id, text.split_inclusive(' '), Some(phase))
}

/// A message with exactly these deltas.
pub fn message_of<'a>(
    id: &str,
    deltas: impl IntoIterator<Item = &'a str>,
    phase: Option<&str>,
) -> Vec<Value> {
    let item = |content: Value| {
        let mut item = json!({"type": "message", "role": "assistant", "id": id, "content": content});
        if let Some(phase) = phase {
            item["phase"] = phase.into();
        }
        item
    };
    let mut text = String::new();
    let mut events = vec![item_added(&item(json!([])))];
    for delta in deltas {
        text.push_str(delta);
        events.push(text_delta(id, delta));
    }
    events.push(item_done(&item(json!([{"type": "output_text", "text": text}]))));
    events
}

/// A reasoning item: added, one summary part and one delta a part, done.
pub fn reasoning(id: &str, summary: &[&str]) -> Vec<Value> {
    let mut events = vec![item_added(&json!({"type": "reasoning", "id": id, "summary": []}))];
    for (index, part) in summary.iter().enumerate() {
        events.push(json!({
            "type": "response.reasoning_summary_part.added",
            "item_id": id,
            "output_index": 0,
            "summary_index": index,
        }));
        events.push(json!({
            "type": "response.reasoning_summary_text.delta",
            "item_id": id,
            "output_index": 0,
            "summary_index": index,
            "delta": part,
        }));
    }
    let parts: Vec<Value> =
        summary.iter().map(|text| json!({"type": "summary_text", "text": text})).collect();
    events.push(item_done(&json!({"type": "reasoning", "id": id, "summary": parts})));
    events
}

/// A reasoning item of a server that shows the reasoning itself: added, one delta a word, done.
pub fn reasoning_text(id: &str, text: &str) -> Vec<Value> {
    let mut events = vec![item_added(&json!({"type": "reasoning", "id": id, "summary": []}))];
    for word in text.split_inclusive(' ') {
        events.push(json!({
            "type": "response.reasoning_text.delta",
            "item_id": id,
            "output_index": 0,
            "content_index": 0,
            "delta": word,
        }));
    }
    let content = json!([{"type": "reasoning_text", "text": text}]);
    events.push(item_done(&json!({"type": "reasoning", "id": id, "summary": [], "content": content})));
    events
}

/// A call of a function tool.
pub fn function_call(call_id: &str, name: &str, arguments: &Value) -> Vec<Value> {
    vec![item_done(&json!({
        "type": "function_call",
        "call_id": call_id,
        "name": name,
        "arguments": arguments.to_string(),
        "id": format!("fc_{call_id}"),
    }))]
}

/// A call of a freeform tool.
pub fn custom_tool_call(call_id: &str, name: &str, input: &str) -> Vec<Value> {
    vec![item_done(&json!({
        "type": "custom_tool_call",
        "call_id": call_id,
        "name": name,
        "input": input,
        "id": format!("ctc_{call_id}"),
    }))]
}

/// The bytes of an event: a string as it is, anything else as the data of a block.
pub(super) fn block(event: &Value) -> Vec<u8> {
    match event {
        Value::String(raw) => raw.clone().into_bytes(),
        event => {
            let name = event["type"].as_str().unwrap_or_default();
            format!("event: {name}\ndata: {event}\n\n").into_bytes()
        }
    }
}
