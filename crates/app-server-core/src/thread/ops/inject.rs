//! `thread/inject_items`: adds to the model's history without a turn.

use app_server_protocol::v2::ThreadInjectItemsResponse;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use crate::error::CoreError;
use crate::host::Reply;
use crate::thread::actor::Actor;
use crate::thread::loaded::Loaded;
use crate::turn::{Conversation, context};

impl Actor {
    pub(in crate::thread) async fn inject_items(
        &mut self,
        items: Vec<Value>,
        reply: Reply<ThreadInjectItemsResponse>,
    ) {
        let result = self.live().and_then(|loaded| loaded.inject(&items));
        reply.send(result.map(|()| ThreadInjectItemsResponse {}));
    }
}

impl Loaded {
    /// Adds the items behind what the model has seen so far: all of them, or none.
    fn inject(&mut self, items: &[Value]) -> Result<(), CoreError> {
        if items.is_empty() {
            return Err(CoreError::Invalid("items must not be empty".to_owned()));
        }
        let items = known_items(items)?;
        if items.is_empty() {
            return Ok(());
        }
        // A file that cannot be written refuses the items before anything has changed.
        self.materialize()?;
        let mut conversation = self.shared.conversation.lock();
        // What is told once comes before them. What has changed since is left to the next turn.
        if conversation.seeded.is_none() {
            context::update(&self.shared, &self.settings, &mut conversation, None);
        }
        for item in &items {
            conversation.record(item);
        }
        write(&mut conversation)
    }
}

/// As [`Conversation::flush`] does, but a failure is the caller's to tell.
fn write(conversation: &mut Conversation) -> Result<(), CoreError> {
    let written = match &mut conversation.rollout {
        Some(rollout) => rollout.append(&conversation.batch),
        None => Ok(()),
    };
    conversation.batch.clear();
    Ok(written?)
}

/// Returns the items of the kinds the history keeps; others are dropped, as a later version may know them.
fn known_items(items: &[Value]) -> Result<Vec<Box<RawValue>>, CoreError> {
    let mut known = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let wrong = |what: String| CoreError::Invalid(format!("items[{index}]: {what}"));
        if check(item).map_err(wrong)? {
            known.push(to_raw_value(item).map_err(|error| wrong(error.to_string()))?);
        }
    }
    Ok(known)
}

/// Whether the kind of the item is known; in words, what a server would not take of one that is.
fn check(item: &Value) -> Result<bool, String> {
    if !item.is_object() {
        return Err("an item must be an object".to_owned());
    }
    let kind = text(item, "type")?;
    match kind {
        "message" => {
            let role = text(item, "role")?;
            if !matches!(role, "user" | "assistant" | "developer" | "system") {
                return Err(format!("unknown role `{role}`"));
            }
            check_parts(item, "content")?;
        }
        "reasoning" => check_parts(item, "summary")?,
        "function_call" => texts(item, &["call_id", "name", "arguments"])?,
        "custom_tool_call" => texts(item, &["call_id", "name", "input"])?,
        "function_call_output" | "custom_tool_call_output" => {
            text(item, "call_id")?;
            if !item.get("output").is_some_and(|output| output.is_string() || output.is_array()) {
                return Err("`output` must be a string or an array".to_owned());
            }
        }
        "local_shell_call" => {
            if !item.get("action").is_some_and(Value::is_object) {
                return Err("`action` must be an object".to_owned());
            }
            if item.get("call_id").and_then(Value::as_str).is_none() {
                text(item, "id")?;
            }
        }
        "image_generation_call" => texts(item, &["result"])?,
        "compaction" | "compaction_summary" => texts(item, &["encrypted_content"])?,
        "web_search_call" => {}
        _ => return Ok(false),
    }
    Ok(true)
}

fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str, String> {
    value.get(key).and_then(Value::as_str).ok_or_else(|| format!("`{key}` must be a string"))
}

fn texts(value: &Value, keys: &[&str]) -> Result<(), String> {
    keys.iter().try_for_each(|key| text(value, key).map(drop))
}

/// Checks the parts of a message or of a summary.
fn check_parts(item: &Value, key: &str) -> Result<(), String> {
    let Some(parts) = item.get(key).and_then(Value::as_array) else {
        return Err(format!("`{key}` must be an array"));
    };
    for part in parts {
        let in_part = |what: String| format!("in `{key}`: {what}");
        match text(part, "type").map_err(in_part)? {
            "input_text" | "output_text" | "summary_text" => text(part, "text").map_err(in_part)?,
            "input_image" => text(part, "image_url").map_err(in_part)?,
            _ => continue,
        };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn items_are_checked_by_their_kind() {
        #[track_caller]
        fn check_item(item: &Value, expected: Result<bool, &str>) {
            assert_eq!(check(item), expected.map_err(str::to_owned), "{item}");
        }
        let call = json!({"type": "function_call", "call_id": "c", "name": "n", "arguments": "{}"});
        let picture = json!({"type": "input_image", "image_url": "data:image/png;base64,AA"});
        check_item(&json!({"type": "message", "role": "user", "content": [picture]}), Ok(true));
        check_item(&json!({"type": "message", "role": "assistant", "content": []}), Ok(true));
        check_item(&call, Ok(true));
        check_item(&json!({"type": "function_call_output", "call_id": "c", "output": "o"}), Ok(true));
        check_item(&json!({"type": "custom_tool_call", "call_id": "c", "name": "n", "input": ""}), Ok(true));
        check_item(&json!({"type": "local_shell_call", "id": "c", "action": {}}), Ok(true));
        check_item(&json!({"type": "reasoning", "summary": [], "encrypted_content": "x"}), Ok(true));
        check_item(&json!({"type": "compaction", "encrypted_content": "x"}), Ok(true));
        check_item(&json!({"type": "web_search_call"}), Ok(true));
        check_item(&json!({"type": "bogus"}), Ok(false));

        check_item(&json!("text"), Err("an item must be an object"));
        check_item(&json!({}), Err("`type` must be a string"));
        check_item(&json!({"type": "message", "content": []}), Err("`role` must be a string"));
        check_item(&json!({"type": "message", "role": "robot", "content": []}), Err("unknown role `robot`"));
        check_item(
            &json!({"type": "message", "role": "user", "content": "hi"}),
            Err("`content` must be an array"),
        );
        check_item(
            &json!({"type": "message", "role": "user", "content": ["hi"]}),
            Err("in `content`: `type` must be a string"),
        );
        check_item(
            &json!({"type": "message", "role": "user", "content": [{"type": "input_text"}]}),
            Err("in `content`: `text` must be a string"),
        );
        check_item(&json!({"type": "function_call", "call_id": "c"}), Err("`name` must be a string"));
        check_item(
            &json!({"type": "function_call_output", "call_id": "c", "output": {}}),
            Err("`output` must be a string or an array"),
        );
        check_item(&json!({"type": "local_shell_call", "id": "c"}), Err("`action` must be an object"));
        check_item(&json!({"type": "local_shell_call", "action": {}}), Err("`id` must be a string"));
    }

    #[test]
    fn a_wrong_item_is_named_and_unknown_ones_are_dropped() {
        let good = json!({"type": "message", "role": "assistant", "content": []});
        let known = known_items(&[json!({"type": "bogus"}), good.clone()]).unwrap();
        assert_eq!(known.iter().map(|item| item.get().to_owned()).collect::<Vec<_>>(), [good.to_string()]);
        let error = known_items(&[good, json!(7)]).unwrap_err();
        assert_eq!(error.to_string(), "items[1]: an item must be an object");
    }
}
