//! A request of the Chat Completions API, made of the same items as one of the Responses API. Knows how the items map to
//! messages and which order servers insist on; keeps nothing.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::{ModelError, ModelErrorKind};
use crate::event::{LocalShellAction, OutputItemKind};
use crate::request::ModelRequest;

/// The end of every body: the wish that the answer says what it cost. It is last, so that it can be taken off for a
/// server that does not know it.
const USAGE_WISH: &str = r#","stream_options":{"include_usage":true}}"#;

/// What stands between a group of tools and the name of one, as in the flat names the tools are offered by.
const GROUP_SEPARATOR: &str = "__";
/// What stands between texts that are several parts of one message.
const BETWEEN_PARTS: &str = "\n";
/// What stands between the instructions and what the developer adds to them.
const BETWEEN_INSTRUCTIONS: &str = "\n\n";

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<Message<'a>>,
    stream: bool,
    /// Left out when empty: servers refuse an empty list.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    /// Null beside calls.
    content: Option<Content<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ToolCall<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "String::is_empty")]
    reasoning: String,
}

#[derive(Serialize, PartialEq)]
#[serde(untagged)]
enum Content<'a> {
    Text(Cow<'a, str>),
    Parts(Vec<ContentPart<'a>>),
}

#[derive(Serialize, PartialEq)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ContentPart<'a> {
    Text { text: Cow<'a, str> },
    ImageUrl { image_url: ImageUrl<'a> },
}

#[derive(Serialize, PartialEq)]
struct ImageUrl<'a> {
    url: Cow<'a, str>,
}

#[derive(Serialize)]
struct ToolCall<'a> {
    id: Cow<'a, str>,
    r#type: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: Cow<'a, str>,
    arguments: Cow<'a, str>,
}

#[derive(Serialize)]
struct Tool<'a> {
    r#type: &'static str,
    function: Signature<'a>,
}

/// A function tool without its `type`. What is not named here has no place in this API.
#[derive(Serialize, Deserialize)]
struct Signature<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    description: Option<&'a RawValue>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    parameters: Option<&'a RawValue>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
}

/// Makes the body.
///
/// # Errors
/// `InvalidRequest` for a schema of the answer, which this API has no place for (as the January reference says).
#[allow(clippy::expect_used, reason = "a Vec takes every byte and the body has string keys only")]
pub(crate) fn to_bytes(request: &ModelRequest<'_>) -> Result<Vec<u8>, ModelError> {
    if request.text.is_some_and(|text| text.output_schema.is_some()) {
        return Err(ModelError::new(
            ModelErrorKind::InvalidRequest,
            "output schemas are not supported by wire_api \"chat\"",
        ));
    }
    let body = Body {
        model: request.model,
        messages: Conversation::of(request),
        stream: true,
        tools: request.tools.iter().filter_map(|tool| function(tool)).collect(),
    };
    let mut bytes = serde_json::to_vec(&body).expect("a request body always serialises into memory");
    bytes.pop();
    bytes.extend_from_slice(USAGE_WISH.as_bytes());
    Ok(bytes)
}

/// The same body without the wish to be told what the answer costs.
pub(crate) fn without_usage(body: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = body.strip_suffix(USAGE_WISH.as_bytes())?.to_vec();
    bytes.push(b'}');
    Some(bytes)
}

/// Tools the server is to run itself, and those that take free text, have no form here.
fn function(tool: &RawValue) -> Option<Tool<'_>> {
    let is_function = serde_json::from_str::<Tag<'_>>(tool.get()).ok()?.kind == "function";
    let function = is_function.then(|| serde_json::from_str(tool.get()).ok())??;
    Some(Tool { r#type: "function", function })
}

#[derive(Deserialize)]
struct Tag<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
}

/// An item of the history, as far as it is of use here.
enum Item<'a> {
    Message { role: Cow<'a, str>, parts: Vec<Part<'a>> },
    Call { call_id: Cow<'a, str>, name: Cow<'a, str>, arguments: Cow<'a, str> },
    Output { call_id: Cow<'a, str>, output: Content<'a> },
    Reasoning(String),
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow, default)]
    text: Option<Text<'a>>,
    #[serde(borrow, default)]
    refusal: Option<Text<'a>>,
    #[serde(borrow, default)]
    image_url: Option<Text<'a>>,
}

/// `Option<Cow<str>>` would always copy: serde borrows into a `Cow` only when it is the field itself.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Item<'a> {
    /// `None` for what this API has no place for: searches, pictures the server made, what it has compacted itself.
    fn read(raw: &'a RawValue) -> Option<Self> {
        let json = raw.get();
        let tag: Tag<'_> = serde_json::from_str(json).ok()?;
        match &*tag.kind {
            "message" => read_message(json),
            "function_call_output" | "custom_tool_call_output" => read_output(json),
            "reasoning" | "function_call" | "custom_tool_call" | "local_shell_call" => {
                match OutputItemKind::parse(json).ok()? {
                    OutputItemKind::Reasoning { content, .. } => Some(Self::Reasoning(content.concat())),
                    kind => Self::call(kind),
                }
            }
            _ => None,
        }
    }

    /// Calls of all kinds become calls of functions: servers know no others. They come from turns over another wire.
    fn call(kind: OutputItemKind) -> Option<Self> {
        let (call_id, name, arguments) = match kind {
            OutputItemKind::FunctionCall { call_id, name, namespace, arguments, .. } => {
                // Tools in groups are offered under flat names here.
                let name = namespace.map_or(name.clone(), |group| format!("{group}{GROUP_SEPARATOR}{name}"));
                (call_id, name, arguments)
            }
            OutputItemKind::CustomToolCall { call_id, name, input, .. } => {
                (call_id, name, serde_json::json!({ "input": input }).to_string())
            }
            OutputItemKind::LocalShellCall { id, call_id, action } => {
                let LocalShellAction { command, timeout_ms, working_directory } = action;
                let arguments = serde_json::json!({
                    "command": command, "workdir": working_directory, "timeout_ms": timeout_ms,
                });
                (call_id.or(id)?, "local_shell".to_owned(), arguments.to_string())
            }
            _ => return None,
        };
        Some(Self::Call { call_id: call_id.into(), name: name.into(), arguments: arguments.into() })
    }
}

fn read_message(json: &str) -> Option<Item<'_>> {
    #[derive(Deserialize)]
    struct Message<'a> {
        #[serde(borrow)]
        role: Cow<'a, str>,
        #[serde(borrow, default)]
        content: Option<Vec<Part<'a>>>,
    }
    let Message { role, content } = serde_json::from_str(json).ok()?;
    Some(Item::Message { role, parts: content.unwrap_or_default() })
}

fn read_output(json: &str) -> Option<Item<'_>> {
    #[derive(Deserialize)]
    struct Output<'a> {
        #[serde(borrow)]
        call_id: Cow<'a, str>,
        #[serde(borrow)]
        output: &'a RawValue,
    }
    let Output { call_id, output } = serde_json::from_str(json).ok()?;
    let json = output.get();
    let output = match serde_json::from_str::<Text<'_>>(json) {
        Ok(Text(text)) => Content::Text(text),
        Err(_) => match serde_json::from_str::<Vec<Part<'_>>>(json) {
            Ok(parts) => content(parts),
            Err(_) => Content::Text(json.into()),
        },
    };
    Some(Item::Output { call_id, output })
}

/// A text, or parts when there is a picture among them.
fn content(parts: Vec<Part<'_>>) -> Content<'_> {
    if parts.iter().all(|part| part.image_url.is_none()) {
        return Content::Text(text(parts));
    }
    let parts = parts.into_iter().filter_map(|part| match (part.image_url, part.text) {
        (Some(Text(url)), _) => Some(ContentPart::ImageUrl { image_url: ImageUrl { url } }),
        (None, Some(Text(text))) => Some(ContentPart::Text { text }),
        (None, None) => None,
    });
    Content::Parts(parts.collect())
}

fn text(parts: Vec<Part<'_>>) -> Cow<'_, str> {
    let mut texts = parts.into_iter().filter_map(|part| part.text.or(part.refusal)).map(|text| text.0);
    match (texts.next(), texts.next()) {
        (None, _) => Cow::Borrowed(""),
        (Some(only), None) => only,
        (Some(first), Some(second)) => {
            let rest = texts.map(Cow::into_owned);
            let all: Vec<String> =
                [first.into_owned(), second.into_owned()].into_iter().chain(rest).collect();
            Cow::Owned(all.join(BETWEEN_PARTS))
        }
    }
}

/// The messages so far.
struct Conversation<'a> {
    messages: Vec<Message<'a>>,
    /// What each call is answered, in the order of the answers: ids may come twice in a long conversation.
    outputs: HashMap<Cow<'a, str>, VecDeque<Content<'a>>>,
    /// Calls that follow each other and are one message.
    calls: Vec<ToolCall<'a>>,
    /// Reasoning that waits for the message it led to.
    reasoning: String,
    /// Whether the last message is the assistant's words, so that reasoning right after belongs to it.
    is_after_words: bool,
}

impl<'a> Conversation<'a> {
    fn of(request: &ModelRequest<'a>) -> Vec<Message<'a>> {
        let items: Vec<Item<'a>> = request.input.iter().filter_map(|raw| Item::read(raw)).collect();
        let is_user = |item: &Item<'_>| matches!(item, Item::Message { role, .. } if role == "user");
        // Older reasoning is of no use to the model, and while the user has the last word there is no other.
        let reasons_from = match items.iter().rposition(is_user) {
            Some(last) if last + 1 == items.len() => items.len(),
            Some(last) => last + 1,
            None => 0,
        };
        let mut outputs: HashMap<Cow<'a, str>, VecDeque<Content<'a>>> = HashMap::new();
        let mut others = Vec::with_capacity(items.len());
        for (position, item) in items.into_iter().enumerate() {
            match item {
                Item::Output { call_id, output } => {
                    outputs.entry(call_id).or_default().push_back(output);
                    others.push(None);
                }
                Item::Reasoning(_) if position < reasons_from => {}
                item => others.push(Some(item)),
            }
        }
        let mut conversation = Self {
            messages: Vec::new(),
            outputs,
            calls: Vec::new(),
            reasoning: String::new(),
            is_after_words: false,
        };
        let mut others = others.into_iter().peekable();
        let mut instructions = Cow::Borrowed(request.instructions);
        while let Some(Some(Item::Message { parts, .. })) =
            others.next_if(|item| matches!(item, Some(Item::Message { role, .. }) if is_system(role)))
        {
            let added = text(parts);
            if !instructions.is_empty() {
                instructions.to_mut().push_str(BETWEEN_INSTRUCTIONS);
            }
            instructions.to_mut().push_str(&added);
        }
        if !instructions.is_empty() {
            conversation.push("system", Content::Text(instructions));
        }
        for item in others {
            conversation.take(item);
        }
        conversation.end_calls();
        conversation.messages
    }

    /// Takes the next item; `None` is an output, which is said where its call is.
    fn take(&mut self, item: Option<Item<'a>>) {
        match item {
            None => self.end_calls(),
            Some(Item::Call { call_id, name, arguments }) => {
                let function = Function { name, arguments };
                self.calls.push(ToolCall { id: call_id, r#type: "function", function });
            }
            Some(Item::Reasoning(text)) => self.reason(&text),
            Some(Item::Message { role, parts }) => {
                self.end_calls();
                match &*role {
                    "assistant" => self.words(text(parts)),
                    role if is_system(role) => self.push("system", content(parts)),
                    _ => self.push("user", content(parts)),
                }
            }
            Some(Item::Output { .. }) => {}
        }
    }

    /// Reasoning belongs to the words before it, else to what comes next.
    fn reason(&mut self, text: &str) {
        match self.messages.last_mut() {
            Some(words) if self.is_after_words && self.calls.is_empty() => words.reasoning.push_str(text),
            _ => self.reasoning.push_str(text),
        }
    }

    /// What the assistant has said; the same words once more are a repeat of the server's.
    fn words(&mut self, text: Cow<'a, str>) {
        let content = Content::Text(text);
        let is_repeat = self.is_after_words
            && self.messages.last().and_then(|last| last.content.as_ref()) == Some(&content);
        if !is_repeat && content != Content::Text(Cow::Borrowed("")) {
            self.push("assistant", content);
            self.is_after_words = true;
        }
    }

    /// Says the calls gathered, and right behind them what each was answered: servers insist on both.
    fn end_calls(&mut self) {
        let calls = std::mem::take(&mut self.calls);
        if calls.is_empty() {
            return;
        }
        let answers: Vec<(Cow<'a, str>, Content<'a>)> = calls
            .iter()
            .map(|call| {
                let output = self.outputs.get_mut(&call.id).and_then(VecDeque::pop_front);
                (call.id.clone(), output.unwrap_or(Content::Text(Cow::Borrowed("aborted"))))
            })
            .collect();
        self.push_message(Message { tool_calls: calls, ..Message::new("assistant", None) });
        for (call_id, output) in answers {
            let message = Message::new("tool", Some(output));
            self.push_message(Message { tool_call_id: Some(call_id), ..message });
        }
    }

    fn push(&mut self, role: &'static str, content: Content<'a>) {
        self.push_message(Message::new(role, Some(content)));
    }

    fn push_message(&mut self, mut message: Message<'a>) {
        if message.role == "assistant" {
            message.reasoning = std::mem::take(&mut self.reasoning);
        }
        self.is_after_words = false;
        self.messages.push(message);
    }
}

impl<'a> Message<'a> {
    fn new(role: &'static str, content: Option<Content<'a>>) -> Self {
        Self { role, content, tool_calls: Vec::new(), tool_call_id: None, reasoning: String::new() }
    }
}

/// Many servers know only one of the two, and that is `system`.
fn is_system(role: &str) -> bool {
    matches!(role, "developer" | "system")
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::request::TextOptions;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    fn request<'a>(input: &'a [&'a RawValue], tools: &'a [Box<RawValue>]) -> ModelRequest<'a> {
        ModelRequest {
            model: "m",
            instructions: "be kind",
            input,
            tools,
            parallel_tool_calls: true,
            reasoning: None,
            prompt_cache_key: Some("0195"),
            text: Some(TextOptions { verbosity: Some("low"), output_schema: None }),
            service_tier: Some("flex"),
        }
    }

    /// The messages after the instructions, a line each.
    fn check(items: &[&str], expected: &Expect) {
        let items: Vec<Box<RawValue>> = items.iter().map(|item| raw(item)).collect();
        let input: Vec<&RawValue> = items.iter().map(AsRef::as_ref).collect();
        let body: serde_json::Value =
            serde_json::from_slice(&to_bytes(&request(&input, &[])).unwrap()).unwrap();
        let messages = body["messages"].as_array().unwrap();
        let lines: Vec<String> = messages.iter().skip(1).map(ToString::to_string).collect();
        expected.assert_eq(&lines.join("\n"));
    }

    const USER: &str = r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"hi"}]}"#;
    const WORDS: &str =
        r#"{"type":"message","role":"assistant","content":[{"type":"output_text","text":"I look"}]}"#;
    const CALL_1: &str = r#"{"type":"function_call","name":"f","arguments":"{}","call_id":"c1"}"#;
    const CALL_2: &str = r#"{"type":"function_call","name":"g","arguments":"{}","call_id":"c2"}"#;
    const OUTPUT_1: &str = r#"{"type":"function_call_output","call_id":"c1","output":"one"}"#;
    const OUTPUT_2: &str = r#"{"type":"function_call_output","call_id":"c2","output":"two"}"#;
    const REASONING: &str = r#"{"type":"reasoning","summary":[{"type":"summary_text","text":"s"}],"content":[{"type":"reasoning_text","text":"why"}],"encrypted_content":null}"#;

    #[test]
    fn a_whole_request() {
        let items = [
            raw(r#"{"type":"message","role":"developer","content":[{"type":"input_text","text":"rules"}]}"#),
            raw(USER),
        ];
        let input: Vec<&RawValue> = items.iter().map(AsRef::as_ref).collect();
        let tools = [
            raw(
                r#"{"type":"function","name":"f","description":"d","strict":false,"parameters":{"type":"object"}}"#,
            ),
            raw(r#"{"type":"web_search","external_web_access":false}"#),
            raw(r#"{"type":"custom","name":"apply_patch"}"#),
        ];
        let bytes = to_bytes(&request(&input, &tools)).unwrap();
        expect![[r#"{"model":"m","messages":[{"role":"system","content":"be kind\n\nrules"},{"role":"user","content":"hi"}],"stream":true,"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"},"strict":false}}],"stream_options":{"include_usage":true}}"#]]
            .assert_eq(std::str::from_utf8(&bytes).unwrap());
        let bytes = without_usage(&to_bytes(&request(&[], &[])).unwrap()).unwrap();
        expect![[r#"{"model":"m","messages":[{"role":"system","content":"be kind"}],"stream":true}"#]]
            .assert_eq(std::str::from_utf8(&bytes).unwrap());
        assert_eq!(without_usage(&bytes), None);
    }

    #[test]
    fn a_schema_is_refused() {
        let schema = raw("{}");
        let text = TextOptions { verbosity: None, output_schema: Some(&schema) };
        let error = to_bytes(&ModelRequest { text: Some(text), ..request(&[], &[]) }).unwrap_err();
        assert_eq!(error.message, "output schemas are not supported by wire_api \"chat\"");
        assert!(!error.retryable());
    }

    #[test]
    fn words_and_pictures() {
        check(
            &[
                r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_text","text":"b \"q\""}]}"#,
                r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"see"},{"type":"input_image","image_url":"data:x"}]}"#,
                WORDS,
                WORDS,
                r#"{"type":"message","role":"assistant","content":[]}"#,
                r#"{"type":"message","role":"developer","content":[{"type":"input_text","text":"now read-only"}]}"#,
                WORDS,
                r#"{"type":"web_search_call","action":{"type":"other"}}"#,
                r#"{"type":"compaction","encrypted_content":"x"}"#,
            ],
            &expect![[r#"
                {"role":"user","content":"a\nb \"q\""}
                {"role":"user","content":[{"type":"text","text":"see"},{"type":"image_url","image_url":{"url":"data:x"}}]}
                {"role":"assistant","content":"I look"}
                {"role":"system","content":"now read-only"}
                {"role":"assistant","content":"I look"}"#]],
        );
    }

    #[test]
    fn every_call_has_its_answer_right_behind() {
        check(
            &[USER, CALL_1, WORDS, CALL_2, OUTPUT_1, OUTPUT_2, CALL_1, OUTPUT_1],
            &expect![[r#"
                {"role":"user","content":"hi"}
                {"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]}
                {"role":"tool","content":"one","tool_call_id":"c1"}
                {"role":"assistant","content":"I look"}
                {"role":"assistant","content":null,"tool_calls":[{"id":"c2","type":"function","function":{"name":"g","arguments":"{}"}}]}
                {"role":"tool","content":"two","tool_call_id":"c2"}
                {"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]}
                {"role":"tool","content":"one","tool_call_id":"c1"}"#]],
        );
        check(
            &[OUTPUT_2, CALL_1, CALL_2, OUTPUT_1],
            &expect![[r#"
                {"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"c2","type":"function","function":{"name":"g","arguments":"{}"}}]}
                {"role":"tool","content":"one","tool_call_id":"c1"}
                {"role":"tool","content":"two","tool_call_id":"c2"}"#]],
        );
        check(
            &[CALL_1, USER],
            &expect![[r#"
                {"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]}
                {"role":"tool","content":"aborted","tool_call_id":"c1"}
                {"role":"user","content":"hi"}"#]],
        );
    }

    #[test]
    fn calls_and_outputs_of_other_kinds() {
        check(
            &[
                r#"{"type":"custom_tool_call","name":"apply_patch","input":"*** \"P\"","call_id":"c"}"#,
                r#"{"type":"custom_tool_call_output","call_id":"c","output":[{"type":"input_text","text":"ok"},{"type":"input_image","image_url":"data:x"}]}"#,
                r#"{"type":"local_shell_call","call_id":"l","status":"completed","action":{"type":"exec","command":["ls"]}}"#,
                r#"{"type":"function_call_output","call_id":"l","output":[{"type":"input_text","text":"a"},{"type":"input_text","text":"b"}]}"#,
            ],
            &expect![[r#"
                {"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"apply_patch","arguments":"{\"input\":\"*** \\\"P\\\"\"}"}}]}
                {"role":"tool","content":[{"type":"text","text":"ok"},{"type":"image_url","image_url":{"url":"data:x"}}],"tool_call_id":"c"}
                {"role":"assistant","content":null,"tool_calls":[{"id":"l","type":"function","function":{"name":"local_shell","arguments":"{\"command\":[\"ls\"],\"workdir\":null,\"timeout_ms\":null}"}}]}
                {"role":"tool","content":"a\nb","tool_call_id":"l"}"#]],
        );
    }

    #[test]
    fn reasoning_of_this_turn_goes_with_its_neighbour() {
        check(
            &[USER, REASONING, CALL_1, OUTPUT_1, REASONING, WORDS, REASONING, CALL_2, OUTPUT_2],
            &expect![[r#"
                {"role":"user","content":"hi"}
                {"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}],"reasoning":"why"}
                {"role":"tool","content":"one","tool_call_id":"c1"}
                {"role":"assistant","content":"I look","reasoning":"whywhy"}
                {"role":"assistant","content":null,"tool_calls":[{"id":"c2","type":"function","function":{"name":"g","arguments":"{}"}}]}
                {"role":"tool","content":"two","tool_call_id":"c2"}"#]],
        );
        // Neither older reasoning nor any while the user has the last word.
        check(
            &[USER, REASONING, WORDS, USER],
            &expect![[r#"
                {"role":"user","content":"hi"}
                {"role":"assistant","content":"I look"}
                {"role":"user","content":"hi"}"#]],
        );
    }
}
