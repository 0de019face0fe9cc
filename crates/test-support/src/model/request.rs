//! What a model request tells of the calls before it. It knows the items of the Responses API, the messages of the Chat
//! Completions API, and the one fact of a tool's output that a model must know: the number of a session that goes on.

use serde_json::Value;

/// Returns the output of a call: that of the item with this `call_id` whose type ends with `_output`, or of the `tool`
/// message; null for none.
pub fn tool_output<'a>(body: &'a Value, call_id: &str) -> &'a Value {
    let items = body["input"].as_array().map_or(&[][..], Vec::as_slice);
    let is_it = |item: &&Value| {
        item["call_id"] == call_id && item["type"].as_str().is_some_and(|kind| kind.ends_with("_output"))
    };
    if let Some(item) = items.iter().find(is_it) {
        return &item["output"];
    }
    let messages = body["messages"].as_array().map_or(&[][..], Vec::as_slice);
    let message = messages.iter().find(|message| message["tool_call_id"] == call_id);
    message.map_or(&Value::Null, |message| &message["content"])
}

/// Returns the number of the session that the last output told of as running, if one did.
pub fn running_session(body: &Value) -> Option<u64> {
    let items = body["input"].as_array()?;
    items.iter().rev().filter_map(|item| item["output"].as_str()).find_map(|output| {
        let (_, rest) = output.split_once("running with session ID ")?;
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest[..end].parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn outputs_are_found() {
        let output = "Process running with session ID 4711\nOutput:\n";
        let body = json!({"input": [
            {"type": "function_call", "call_id": "a", "name": "exec_command"},
            {"type": "function_call_output", "call_id": "a", "output": output},
            {"type": "custom_tool_call_output", "call_id": "b", "output": "done"},
        ]});
        assert_eq!(tool_output(&body, "b"), "done");
        assert_eq!(tool_output(&body, "a"), output);
        assert_eq!(tool_output(&body, "c"), &Value::Null);
        let chat = json!({"messages": [{"role": "tool", "tool_call_id": "a", "content": "said"}]});
        assert_eq!(tool_output(&chat, "a"), "said");
        assert_eq!(running_session(&body), Some(4711));
        assert_eq!(running_session(&json!({})), None);
    }
}
