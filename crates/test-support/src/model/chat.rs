//! The events of an answer as chunks of the Chat Completions API, so that one script serves both wires. What that API has
//! no form for (freeform calls, searches) is left out.

use serde_json::{Value, json};

/// Where an answer that is sent in chunks stands.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    id: String,
    /// Whether the open item's text was sent in pieces, so that the whole of it says nothing new.
    is_told: bool,
    calls: usize,
}

impl Chunks {
    /// Returns the bytes of an event: a string as it is, anything else as the data of blocks.
    pub(super) fn blocks(&mut self, event: &Value) -> Vec<u8> {
        let Value::Object(_) = event else {
            return event.as_str().unwrap_or_default().as_bytes().to_vec();
        };
        let item = &event["item"];
        match event["type"].as_str().unwrap_or_default() {
            "response.created" => {
                self.id = event["response"]["id"].as_str().unwrap_or_default().to_owned();
                self.delta(&json!({"role": "assistant", "content": ""}))
            }
            "response.output_item.added" => {
                self.is_told = false;
                Vec::new()
            }
            "response.output_text.delta" => self.piece("content", &event["delta"]),
            "response.reasoning_text.delta" | "response.reasoning_summary_text.delta" => {
                self.piece("reasoning", &event["delta"])
            }
            "response.output_item.done" => self.done(item),
            "response.completed" => self.completed(&event["response"]["usage"]),
            "response.failed" => data(&json!({"error": event["response"]["error"]})),
            "response.incomplete" => {
                let is_length = event["response"]["incomplete_details"]["reason"] == "max_output_tokens";
                self.finish(if is_length { "length" } else { "content_filter" })
            }
            _ => Vec::new(),
        }
    }

    fn piece(&mut self, kind: &str, text: &Value) -> Vec<u8> {
        self.is_told = true;
        self.delta(&json!({ kind: text }))
    }

    fn done(&mut self, item: &Value) -> Vec<u8> {
        let is_told = std::mem::take(&mut self.is_told);
        match item["type"].as_str().unwrap_or_default() {
            "message" if !is_told => self.delta(&json!({"content": texts(&item["content"])})),
            "reasoning" if !is_told => self.delta(&json!({"reasoning": texts(&item["content"])})),
            "function_call" => {
                let index = self.calls;
                self.calls += 1;
                let begin = json!([{
                    "index": index, "id": item["call_id"], "type": "function",
                    "function": {"name": item["name"], "arguments": ""},
                }]);
                let rest = json!([{"index": index, "function": {"arguments": item["arguments"]}}]);
                let mut blocks = self.delta(&json!({"tool_calls": begin}));
                blocks.extend(self.delta(&json!({"tool_calls": rest})));
                blocks
            }
            _ => Vec::new(),
        }
    }

    fn completed(&mut self, usage: &Value) -> Vec<u8> {
        let mut blocks = self.finish(if self.calls > 0 { "tool_calls" } else { "stop" });
        if !usage.is_null() {
            let usage = json!({
                "prompt_tokens": usage["input_tokens"],
                "prompt_tokens_details": usage["input_tokens_details"],
                "completion_tokens": usage["output_tokens"],
                "completion_tokens_details": usage["output_tokens_details"],
                "total_tokens": usage["total_tokens"],
            });
            blocks.extend(data(&json!({"id": self.id, "choices": [], "usage": usage})));
        }
        blocks.extend(b"data: [DONE]\n\n");
        blocks
    }

    fn finish(&self, reason: &str) -> Vec<u8> {
        self.choice(&json!({"index": 0, "delta": {}, "finish_reason": reason}))
    }

    fn delta(&self, delta: &Value) -> Vec<u8> {
        self.choice(&json!({"index": 0, "delta": delta, "finish_reason": null}))
    }

    fn choice(&self, choice: &Value) -> Vec<u8> {
        data(&json!({"id": self.id, "object": "chat.completion.chunk", "choices": [choice]}))
    }
}

fn texts(parts: &Value) -> String {
    parts.as_array().into_iter().flatten().filter_map(|part| part["text"].as_str()).collect()
}

fn data(value: &Value) -> Vec<u8> {
    format!("data: {value}\n\n").into_bytes()
}
