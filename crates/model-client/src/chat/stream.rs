//! Chunks to the events of the Responses API: which item is open, which calls are gathered, when the answer is whole. It
//! knows the order in which a turn expects events, and nothing of where the bytes come from.

use std::collections::VecDeque;

use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};
use uuid::Uuid;

use super::chunk::{self, CallDelta, Choice, Chunk, Delta};
use crate::error::ModelError;
use crate::event::{ModelEvent, OutputItem, OutputItemKind, Usage, arguments};

/// More than this in one item or in the calls of an answer is no answer.
const MAX_HELD_BYTES: usize = 64 * 1024 * 1024;

/// What the stream has brought so far.
#[derive(Debug, Default)]
pub(crate) struct ChatAnswer {
    /// For the turn, in order.
    ready: VecDeque<ModelEvent>,
    open: Option<Open>,
    /// White space before the first word, which may turn out to be all there is: models separate calls by it.
    space: String,
    calls: Vec<Call>,
    /// The server's id of the answer.
    id: String,
    usage: Option<Usage>,
    /// The bytes of the open item and of the calls.
    held: usize,
    state: State,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd)]
enum State {
    /// Nothing of an answer has come.
    #[default]
    Silent,
    Speaking,
    /// The answer is whole; what it cost may still come.
    Finished,
    /// All is said.
    Ended,
}

/// The item that grows.
#[derive(Debug)]
struct Open {
    id: String,
    kind: Kind,
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Message,
    Reasoning,
}

/// A call as it is gathered.
#[derive(Debug, Default)]
struct Call {
    index: Option<u64>,
    id: Option<String>,
    name: String,
    arguments: String,
}

impl ChatAnswer {
    /// Returns the next event.
    pub(crate) fn next(&mut self) -> Option<ModelEvent> {
        self.ready.pop_front()
    }

    /// Whether the answer is whole, so that the end of the connection takes nothing away.
    pub(crate) fn is_finished(&self) -> bool {
        self.state >= State::Finished
    }

    /// Takes the data of one block.
    ///
    /// # Errors
    /// What the server says went wrong, and answers that were cut short by it.
    pub(crate) fn read(&mut self, data: &[u8]) -> Result<(), ModelError> {
        if matches!(data.trim_ascii(), b"[DONE]" | b"DONE") {
            return self.end();
        }
        let chunk: Chunk<'_> = match serde_json::from_slice(data) {
            Ok(chunk) => chunk,
            Err(error) => {
                tracing::debug!(%error, "ignored a block of the stream that is not a chunk");
                return Ok(());
            }
        };
        if let Some(error) = chunk.error.filter(|error| error.get() != "null" && !self.is_finished()) {
            return Err(ModelError::said_in_stream(error));
        }
        if let Some(id) = chunk.id.filter(|_| self.id.is_empty()) {
            self.id = id;
        }
        self.usage = chunk.usage.and_then(chunk::usage).or(self.usage);
        let first = |choice: &Choice<'_>| choice.index == 0;
        match chunk.choices.into_iter().flatten().find(first) {
            Some(choice) if !self.is_finished() => self.choice(choice),
            _ => Ok(()),
        }
    }

    /// The server has nothing more to say.
    ///
    /// # Errors
    /// When there was no answer, or a call was cut off.
    pub(crate) fn end(&mut self) -> Result<(), ModelError> {
        match self.state {
            State::Ended => return Ok(()),
            State::Silent => return Err(ModelError::stream_closed("the stream ended before any answer")),
            State::Speaking if self.calls.iter().any(Call::is_cut_off) => {
                return Err(ModelError::stream_closed("the stream ended within a call"));
            }
            State::Speaking | State::Finished => {}
        }
        self.finish();
        self.state = State::Ended;
        let response_id = std::mem::take(&mut self.id);
        self.ready.push_back(ModelEvent::Completed { response_id, usage: self.usage });
        Ok(())
    }

    fn choice(&mut self, choice: Choice<'_>) -> Result<(), ModelError> {
        if self.state == State::Silent {
            self.state = State::Speaking;
            self.ready.push_back(ModelEvent::Created);
        }
        if let Some(delta) = choice.delta {
            self.delta(delta)?;
        }
        match choice.finish_reason.as_deref() {
            None | Some("") => Ok(()),
            Some("length") => Err(ModelError::window_exceeded()),
            Some("content_filter") => Err(ModelError::incomplete("content_filter")),
            // Whatever it is called: some servers say `stop` after calls.
            Some(_) => {
                self.finish();
                Ok(())
            }
        }
    }

    fn delta(&mut self, delta: Delta<'_>) -> Result<(), ModelError> {
        for text in [delta.reasoning.0, delta.reasoning_content.0] {
            self.grow(Kind::Reasoning, text);
        }
        for text in [delta.content.0, delta.refusal.0] {
            self.words(text);
        }
        for call in delta.tool_calls.into_iter().flatten() {
            self.call(call);
        }
        if self.held > MAX_HELD_BYTES {
            return Err(ModelError::stream_closed("it is of absurd size"));
        }
        Ok(())
    }

    fn words(&mut self, text: String) {
        let is_begun = matches!(&self.open, Some(Open { kind: Kind::Message, .. }));
        if is_begun {
            self.grow(Kind::Message, text);
        } else if text.trim().is_empty() {
            self.held += text.len();
            self.space.push_str(&text);
        } else {
            let text = std::mem::take(&mut self.space) + &text;
            self.grow(Kind::Message, text);
        }
    }

    /// Adds to the open item, after opening one of this kind.
    fn grow(&mut self, kind: Kind, delta: String) {
        if delta.is_empty() {
            return;
        }
        self.held += delta.len();
        let open = match self.open.take_if(|open| open.kind == kind) {
            Some(open) => open,
            None => {
                self.close();
                let open = Open { id: new_id(kind.prefix()), kind, text: String::new() };
                self.ready.push_back(ModelEvent::ItemAdded(open.item(&[])));
                open
            }
        };
        let open = self.open.insert(open);
        open.text.push_str(&delta);
        self.ready.push_back(match kind {
            Kind::Message => ModelEvent::TextDelta { delta },
            Kind::Reasoning => ModelEvent::ReasoningDelta { delta, content_index: 0 },
        });
    }

    /// Completes the open item.
    fn close(&mut self) {
        if let Some(open) = self.open.take() {
            self.held = self.held.saturating_sub(open.text.len());
            let text = [open.text.as_str()];
            self.ready.push_back(ModelEvent::ItemDone(open.item(&text)));
        }
    }

    /// Adds to the call it belongs to: that with the same index, else the same id, else the last one.
    fn call(&mut self, delta: CallDelta<'_>) {
        let id = delta.id.filter(|id| !id.is_empty());
        let function = delta.function;
        let name = function.as_ref().and_then(|function| function.name.clone()).unwrap_or_default();
        let more = function.and_then(|function| function.arguments).map(|raw| arguments(Some(raw)));
        let more = more.unwrap_or_default();
        self.held += name.len() + more.len();
        // Servers exist that number every call 0; a name and an id of its own make it another one.
        let is_other = |call: &Call| id.is_some() && call.id.is_some() && call.id != id && !name.is_empty();
        let found = match (delta.index, &id) {
            (Some(index), _) => self.calls.iter_mut().rev().find(|call| call.index == Some(index)),
            (None, Some(_)) => self.calls.iter_mut().rev().find(|call| call.id == id),
            (None, None) => self.calls.last_mut(),
        };
        match found {
            Some(call) if !is_other(call) => {
                call.arguments.push_str(&more);
                call.id = call.id.take().or(id);
                if call.name.is_empty() {
                    call.name = name;
                }
            }
            _ => self.calls.push(Call { index: delta.index, id, name, arguments: more }),
        }
    }

    /// The answer is whole: what is open is complete, and then come the calls in the order of their beginning.
    fn finish(&mut self) {
        if self.state >= State::Finished {
            return;
        }
        self.state = State::Finished;
        self.close();
        for call in std::mem::take(&mut self.calls) {
            if call.name.is_empty() {
                tracing::warn!("left out a call of a tool without a name");
                continue;
            }
            self.ready.push_back(ModelEvent::ItemDone(call.item()));
        }
    }
}

impl Open {
    /// The item with these parts of text.
    fn item(&self, texts: &[&str]) -> OutputItem {
        let id = self.id.as_str();
        let texts = texts.iter();
        match self.kind {
            Kind::Message => {
                let parts: Vec<_> =
                    texts.clone().map(|text| json!({"type": "output_text", "text": text})).collect();
                OutputItem {
                    raw: raw(&json!({"type": "message", "role": "assistant", "id": id, "content": parts})),
                    kind: OutputItemKind::Message {
                        id: Some(id.to_owned()),
                        role: "assistant".to_owned(),
                        text: texts.copied().collect(),
                        phase: None,
                    },
                }
            }
            Kind::Reasoning => {
                let parts: Vec<_> =
                    texts.clone().map(|text| json!({"type": "reasoning_text", "text": text})).collect();
                OutputItem {
                    raw: raw(&json!({"type": "reasoning", "id": id, "summary": [], "content": parts})),
                    kind: OutputItemKind::Reasoning {
                        id: Some(id.to_owned()),
                        summary: Vec::new(),
                        content: texts.map(|&text| text.to_owned()).collect(),
                    },
                }
            }
        }
    }
}

impl Kind {
    fn prefix(self) -> &'static str {
        match self {
            Self::Message => "msg",
            Self::Reasoning => "rs",
        }
    }
}

impl Call {
    /// Whether its arguments are no whole JSON text.
    fn is_cut_off(&self) -> bool {
        !self.arguments.is_empty() && serde_json::from_str::<&RawValue>(&self.arguments).is_err()
    }

    fn item(self) -> OutputItem {
        let id = new_id("fc");
        let call_id = self.id.unwrap_or_else(|| new_id("call"));
        let item = json!({
            "type": "function_call",
            "id": id,
            "call_id": call_id,
            "name": self.name,
            "arguments": self.arguments,
        });
        OutputItem {
            raw: raw(&item),
            kind: OutputItemKind::FunctionCall {
                id: Some(id),
                call_id,
                name: self.name,
                namespace: None,
                arguments: self.arguments,
            },
        }
    }
}

fn new_id(prefix: &str) -> String {
    format!("{prefix}_{}", Uuid::now_v7().simple())
}

#[allow(clippy::expect_used, reason = "a value is always JSON")]
fn raw(item: &serde_json::Value) -> Box<RawValue> {
    to_raw_value(item).expect("a value is always JSON")
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::Value;

    use super::*;

    /// Every id is random; what they are called is enough.
    fn renumbered(text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("_0") {
            let (before, id) = rest.split_at(at);
            let hex = id[1..].bytes().take_while(u8::is_ascii_hexdigit).count();
            let is_id = hex == 32;
            out.push_str(before);
            out.push_str(if is_id { "_*" } else { &id[..=hex] });
            rest = &id[1 + hex..];
        }
        out + rest
    }

    fn check(blocks: &[&str], expected: &Expect) {
        let mut answer = ChatAnswer::default();
        let mut lines = Vec::new();
        let mut result = Ok(());
        for block in blocks {
            result = result.and_then(|()| answer.read(block.as_bytes()));
        }
        let result = result.and_then(|()| answer.end());
        while let Some(event) = answer.next() {
            lines.push(match event {
                ModelEvent::ItemAdded(item) => format!("added {:?}", item.kind),
                ModelEvent::ItemDone(item) => {
                    let again = OutputItem::parse(&item.raw).unwrap();
                    assert_eq!(again.kind, item.kind, "what is kept says the same as what is told");
                    format!("done {:?}", item.kind)
                }
                event => format!("{event:?}"),
            });
        }
        if let Err(error) = result {
            lines.push(format!("{:?}: {error}", error.kind));
        }
        expected.assert_eq(&renumbered(&lines.join("\n")));
    }

    fn delta(delta: &Value) -> String {
        json!({"id": "r", "choices": [{"index": 0, "delta": delta}]}).to_string()
    }

    fn finish(reason: &str) -> String {
        json!({"id": "r", "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}).to_string()
    }

    #[test]
    fn reasoning_words_and_calls() {
        check(
            &[
                &delta(&json!({"role": "assistant", "content": ""})),
                &delta(&json!({"content": null, "reasoning_content": "wh"})),
                &delta(&json!({"reasoning": {"text": "y"}})),
                &delta(&json!({"content": "\n"})),
                &delta(&json!({"content": "I "})),
                &delta(&json!({"content": [{"type": "text", "text": "look"}]})),
                &delta(
                    &json!({"tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}]}),
                ),
                &delta(
                    &json!({"tool_calls": [{"index": 1, "id": "c2", "function": {"name": "g", "arguments": "{\"b\""}}]}),
                ),
                &delta(&json!({"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]})),
                &delta(
                    &json!({"tool_calls": [{"index": 1, "id": "", "function": {"name": "", "arguments": ":1}"}}]}),
                ),
                &finish("tool_calls"),
                r#"{"id":"r","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10,"prompt_tokens_details":{"cached_tokens":2},"completion_tokens_details":{"reasoning_tokens":1}}}"#,
                "[DONE]",
            ],
            &expect![[r#"
                Created
                added Reasoning { id: Some("rs_*"), summary: [], content: [] }
                ReasoningDelta { delta: "wh", content_index: 0 }
                ReasoningDelta { delta: "y", content_index: 0 }
                done Reasoning { id: Some("rs_*"), summary: [], content: ["why"] }
                added Message { id: Some("msg_*"), role: "assistant", text: "", phase: None }
                TextDelta { delta: "\nI " }
                TextDelta { delta: "look" }
                done Message { id: Some("msg_*"), role: "assistant", text: "\nI look", phase: None }
                done FunctionCall { id: Some("fc_*"), call_id: "c1", name: "f", namespace: None, arguments: "{}" }
                done FunctionCall { id: Some("fc_*"), call_id: "c2", name: "g", namespace: None, arguments: "{\"b\":1}" }
                Completed { response_id: "r", usage: Some(Usage { input_tokens: 7, cached_input_tokens: 2, cache_write_input_tokens: 0, output_tokens: 3, reasoning_output_tokens: 1, total_tokens: 10 }) }"#]],
        );
    }

    #[test]
    fn calls_of_servers_with_habits_of_their_own() {
        // No index, no id, JSON in place of text, `stop` after calls, a call without a name, white space only.
        check(
            &[
                &delta(&json!({"content": "\n\n"})),
                &delta(&json!({"tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]})),
                &finish("stop"),
                &delta(&json!({"content": "too late"})),
            ],
            &expect![[r#"
                Created
                done FunctionCall { id: Some("fc_*"), call_id: "call_*", name: "f", namespace: None, arguments: "{\"a\":1}" }
                Completed { response_id: "r", usage: None }"#]],
        );
        check(
            &[
                &delta(
                    &json!({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}]}),
                ),
                &delta(
                    &json!({"tool_calls": [{"index": 0, "id": "b", "function": {"name": "f", "arguments": "{}"}}]}),
                ),
                &delta(&json!({"tool_calls": [{"id": "c", "function": {"arguments": "{}"}}]})),
                "DONE",
            ],
            &expect![[r#"
                Created
                done FunctionCall { id: Some("fc_*"), call_id: "a", name: "f", namespace: None, arguments: "{}" }
                done FunctionCall { id: Some("fc_*"), call_id: "b", name: "f", namespace: None, arguments: "{}" }
                Completed { response_id: "r", usage: None }"#]],
        );
    }

    #[test]
    fn how_answers_end() {
        let said = delta(&json!({"content": "hi"}));
        check(
            &[&said],
            &expect![[r#"
                Created
                added Message { id: Some("msg_*"), role: "assistant", text: "", phase: None }
                TextDelta { delta: "hi" }
                done Message { id: Some("msg_*"), role: "assistant", text: "hi", phase: None }
                Completed { response_id: "r", usage: None }"#]],
        );
        check(
            &[&finish("stop")],
            &expect![[r#"
                Created
                Completed { response_id: "r", usage: None }"#]],
        );
        check(
            &["not json", r#"{"choices":null}"#, "[]"],
            &expect!["StreamClosed: the model's answer broke off: the stream ended before any answer"],
        );
        check(
            &[&delta(
                &json!({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{\"a"}}]}),
            )],
            &expect![[r#"
                Created
                StreamClosed: the model's answer broke off: the stream ended within a call"#]],
        );
        check(
            &[&finish("length")],
            &expect![[r#"
                Created
                ContextWindowExceeded: the conversation no longer fits into the model's context window: start a new thread or compact this one"#]],
        );
        check(
            &[&finish("content_filter")],
            &expect![[r#"
                Created
                StreamClosed: the model's answer is incomplete, reason: content_filter"#]],
        );
        check(
            &[r#"{"error":{"code":"context_length_exceeded","message":"too long"}}"#],
            &expect![
                "ContextWindowExceeded: the conversation no longer fits into the model's context window: start a new thread or compact this one"
            ],
        );
        check(
            &[r#"{"error":{"code":500,"message":"no memory"}}"#],
            &expect!["StreamClosed: the model's answer broke off: no memory"],
        );
        check(
            &[r#"{"error":"no memory"}"#],
            &expect!["StreamClosed: the model's answer broke off: no memory"],
        );
    }
}
