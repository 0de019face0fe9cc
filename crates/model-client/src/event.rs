//! One event of the stream: JSON text to a typed, owned event. Knows the shapes of the Responses API, and nothing
//! about where the bytes come from or what an event does to a turn.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::error::ModelError;

/// What a turn sees of the stream (backend.md 4). Events without an effect never get here.
#[derive(Debug, Clone)]
pub enum ModelEvent {
    /// The response has begun.
    Created,
    /// An item has begun; its content follows.
    ItemAdded(OutputItem),
    /// An item is complete. This is the authoritative form, whatever the deltas said.
    ItemDone(OutputItem),
    /// More text of the current message.
    TextDelta {
        /// The text to append.
        delta: String,
    },
    /// The next part of the current reasoning's summary begins.
    ReasoningSummaryPartAdded {
        /// Which part, from 0.
        summary_index: i64,
    },
    /// More text of the current reasoning's summary.
    ReasoningSummaryDelta {
        /// The text to append.
        delta: String,
        /// Which part of the summary, from 0.
        summary_index: i64,
    },
    /// More raw text of the current reasoning.
    ReasoningDelta {
        /// The text to append.
        delta: String,
        /// Which part of the content, from 0.
        content_index: i64,
    },
    /// The response is complete; nothing follows.
    Completed {
        /// The server's id of the response; empty when it gave none.
        response_id: String,
        /// What the response cost, when the server said so.
        usage: Option<Usage>,
    },
}

/// The tokens of one response.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the request, cached ones included.
    pub input_tokens: i64,
    /// Those of them that came from the server's cache.
    pub cached_input_tokens: i64,
    /// Those of them that were put into the server's cache (observed: `input_tokens_details.cache_write_tokens`).
    pub cache_write_input_tokens: i64,
    /// Tokens of the answer, reasoning included.
    pub output_tokens: i64,
    /// Those of them that were reasoning.
    pub reasoning_output_tokens: i64,
    /// Both together, as the server counts.
    pub total_tokens: i64,
}

/// An item of the answer.
#[derive(Debug, Clone)]
pub struct OutputItem {
    /// The item's JSON as the server wrote it: what the history keeps.
    pub raw: Box<RawValue>,
    /// What is needed to act on it.
    pub kind: OutputItemKind,
}

/// The items a turn acts on. An id that is missing or empty is `None`: some servers send none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputItemKind {
    /// Text for the user.
    Message {
        /// The item's id.
        id: Option<String>,
        /// `assistant`, as a rule.
        role: String,
        /// All text parts together; a refusal counts as text.
        text: String,
        /// `commentary` or `final_answer`, from models that tell them apart.
        phase: Option<String>,
    },
    /// The model's reasoning.
    Reasoning {
        /// The item's id.
        id: Option<String>,
        /// The parts of the summary.
        summary: Vec<String>,
        /// The parts of the raw reasoning, from servers that show it.
        content: Vec<String>,
    },
    /// A search the server ran itself.
    WebSearch {
        /// The item's id.
        id: Option<String>,
        /// What was done; unknown until the item is done.
        action: Option<WebSearchAction>,
    },
    /// The model calls a function tool.
    FunctionCall {
        /// The item's id.
        id: Option<String>,
        /// What the output must refer to.
        call_id: String,
        /// The tool.
        name: String,
        /// The group the tool is in, if any.
        namespace: Option<String>,
        /// JSON text, as the model wrote it: it may be anything.
        arguments: String,
    },
    /// The model calls a freeform tool.
    CustomToolCall {
        /// The item's id.
        id: Option<String>,
        /// What the output must refer to.
        call_id: String,
        /// The tool.
        name: String,
        /// The text for the tool.
        input: String,
    },
    /// The model calls the hosted shell tool of older models.
    LocalShellCall {
        /// The item's id.
        id: Option<String>,
        /// What the output must refer to; older models send only the id.
        call_id: Option<String>,
        /// The command.
        action: LocalShellAction,
    },
    /// An image the server made itself.
    ImageGeneration {
        /// The item's id.
        id: Option<String>,
        /// `in_progress`, `completed`, `failed`.
        status: Option<String>,
        /// The prompt that was really used.
        revised_prompt: Option<String>,
        /// The image, base64.
        result: Option<String>,
    },
    /// An item this crate does not know; kept out of the history.
    Other {
        /// Its `type`.
        kind: String,
    },
}

/// What a web search did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebSearchAction {
    /// Asked a search engine.
    Search {
        /// The main query.
        query: Option<String>,
        /// All queries, when there were several.
        queries: Vec<String>,
    },
    /// Read a page.
    OpenPage {
        /// Its address.
        url: Option<String>,
    },
    /// Looked for text within a page.
    FindInPage {
        /// The page's address.
        url: Option<String>,
        /// The text.
        pattern: Option<String>,
    },
    /// Anything else.
    Other,
}

/// What the hosted shell tool is to run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct LocalShellAction {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// The limit, in milliseconds.
    pub timeout_ms: Option<u64>,
    /// Where to run it.
    pub working_directory: Option<String>,
}

/// What one block of the stream amounts to.
#[derive(Debug)]
pub(crate) enum Decoded {
    /// For the turn.
    Event(ModelEvent),
    /// The response failed; the error counts once the stream has ended without a completion.
    Failed(ModelError),
    /// The response is over, and not by completion.
    Ended(ModelError),
    /// Nothing to do: an unknown event, or not an event at all.
    Ignored,
}

/// The members any event may have. Text is borrowed where it holds no escape: a delta costs one allocation, an
/// ignored event none.
#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    delta: Option<Text<'a>>,
    summary_index: Option<i64>,
    content_index: Option<i64>,
    #[serde(borrow)]
    item: Option<&'a RawValue>,
    #[serde(borrow)]
    response: Option<&'a RawValue>,
}

/// `Option<Cow<str>>` would always copy: serde borrows into a `Cow` only when it is the field itself.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Reads the data of one block.
pub(crate) fn decode(data: &[u8]) -> Decoded {
    let wire: Wire<'_> = match serde_json::from_slice(data) {
        Ok(wire) => wire,
        Err(error) => {
            tracing::debug!(%error, "ignored a block of the stream that is not an event");
            return Decoded::Ignored;
        }
    };
    let Wire { kind, delta, summary_index, content_index, item, response } = wire;
    let delta = delta.map(|text| text.0);
    let event = match (&*kind, delta, item) {
        ("response.output_text.delta", Some(delta), _) => ModelEvent::TextDelta { delta: delta.into_owned() },
        ("response.reasoning_summary_text.delta", Some(delta), _) => ModelEvent::ReasoningSummaryDelta {
            delta: delta.into_owned(),
            summary_index: summary_index.unwrap_or(0),
        },
        ("response.reasoning_text.delta", Some(delta), _) => ModelEvent::ReasoningDelta {
            delta: delta.into_owned(),
            content_index: content_index.unwrap_or(0),
        },
        ("response.reasoning_summary_part.added", ..) => {
            ModelEvent::ReasoningSummaryPartAdded { summary_index: summary_index.unwrap_or(0) }
        }
        ("response.created", ..) => ModelEvent::Created,
        ("response.output_item.added", _, Some(item)) => match OutputItem::parse(item) {
            Some(item) => ModelEvent::ItemAdded(item),
            None => return Decoded::Ignored,
        },
        ("response.output_item.done", _, Some(item)) => match OutputItem::parse(item) {
            Some(item) => ModelEvent::ItemDone(item),
            None => return Decoded::Ignored,
        },
        ("response.completed", ..) => return completed(response),
        ("response.done", ..) => return done(response),
        ("response.failed", ..) => return Decoded::Failed(failed(response)),
        ("response.incomplete", ..) => return Decoded::Ended(incomplete(response)),
        _ => return Decoded::Ignored,
    };
    Decoded::Event(event)
}

#[derive(Deserialize)]
struct WireUsage {
    input_tokens: i64,
    #[serde(default)]
    input_tokens_details: Option<InputDetails>,
    output_tokens: i64,
    #[serde(default)]
    output_tokens_details: Option<OutputDetails>,
    total_tokens: i64,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct InputDetails {
    cached_tokens: Option<i64>,
    cache_write_tokens: Option<i64>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct OutputDetails {
    reasoning_tokens: Option<i64>,
}

impl From<WireUsage> for Usage {
    fn from(wire: WireUsage) -> Self {
        let input = wire.input_tokens_details.unwrap_or_default();
        let output = wire.output_tokens_details.unwrap_or_default();
        Self {
            input_tokens: wire.input_tokens,
            cached_input_tokens: input.cached_tokens.unwrap_or(0),
            cache_write_input_tokens: input.cache_write_tokens.unwrap_or(0),
            output_tokens: wire.output_tokens,
            reasoning_output_tokens: output.reasoning_tokens.unwrap_or(0),
            total_tokens: wire.total_tokens,
        }
    }
}

/// A completion must have a response with an id, and its usage the known shape; without a response it is not a
/// completion at all (observed in both references).
fn completed(response: Option<&RawValue>) -> Decoded {
    #[derive(Deserialize)]
    struct Response {
        id: String,
        #[serde(default)]
        usage: Option<WireUsage>,
    }
    let Some(response) = response else { return Decoded::Ignored };
    match serde_json::from_str::<Response>(response.get()) {
        Ok(Response { id, usage }) => {
            Decoded::Event(ModelEvent::Completed { response_id: id, usage: usage.map(Usage::from) })
        }
        Err(error) => {
            Decoded::Ended(ModelError::stream_closed(format!("its completion is not understood: {error}")))
        }
    }
}

/// The older completion: neither response nor id is required, a usage of another shape is an error (observed in
/// the January reference).
fn done(response: Option<&RawValue>) -> Decoded {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Response {
        id: Option<String>,
        usage: Option<WireUsage>,
    }
    match response.map_or(Ok(None), |response| serde_json::from_str::<Option<Response>>(response.get())) {
        Ok(response) => {
            let Response { id, usage } = response.unwrap_or_default();
            Decoded::Event(ModelEvent::Completed {
                response_id: id.unwrap_or_default(),
                usage: usage.map(Usage::from),
            })
        }
        Err(error) => {
            Decoded::Ended(ModelError::stream_closed(format!("its completion is not understood: {error}")))
        }
    }
}

fn failed(response: Option<&RawValue>) -> ModelError {
    #[derive(Deserialize)]
    struct Response {
        error: Failure,
    }
    #[derive(Deserialize)]
    struct Failure {
        code: Option<String>,
        message: Option<String>,
    }
    let failure = response.and_then(|response| serde_json::from_str::<Response>(response.get()).ok());
    match &failure {
        Some(Response { error: Failure { code, message } }) => {
            ModelError::response_failed(code.as_deref(), message.as_deref())
        }
        None => ModelError::response_failed(None, None),
    }
}

fn incomplete(response: Option<&RawValue>) -> ModelError {
    #[derive(Deserialize)]
    struct Response {
        incomplete_details: Details,
    }
    #[derive(Deserialize)]
    struct Details {
        reason: String,
    }
    let reason = response
        .and_then(|response| serde_json::from_str::<Response>(response.get()).ok())
        .map(|response| response.incomplete_details.reason);
    ModelError::incomplete(reason.as_deref().unwrap_or("unknown"))
}

impl OutputItem {
    /// Returns `None` for an item that lacks what its type needs; such an item is skipped.
    pub(crate) fn parse(raw: &RawValue) -> Option<Self> {
        match OutputItemKind::parse(raw.get()) {
            Ok(kind) => Some(Self { raw: raw.to_owned(), kind }),
            Err(error) => {
                tracing::debug!(%error, "skipped an item that is not understood");
                None
            }
        }
    }
}

/// A part of a message, a summary or a reasoning text.
#[derive(Deserialize)]
struct Part {
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
}

fn texts(parts: Option<Vec<Part>>) -> impl Iterator<Item = String> {
    parts.into_iter().flatten().filter_map(|part| part.text.or(part.refusal))
}

fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.filter(|id| !id.is_empty()))
}

/// The arguments should be a string that holds JSON. Some servers send the JSON itself.
pub(crate) fn arguments(raw: Option<&RawValue>) -> String {
    let Some(raw) = raw else { return String::new() };
    serde_json::from_str(raw.get()).unwrap_or_else(|_| raw.get().to_owned())
}

impl OutputItemKind {
    pub(crate) fn parse(json: &str) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Tag<'a> {
            #[serde(borrow, rename = "type")]
            kind: Cow<'a, str>,
        }
        let tag: Tag<'_> = serde_json::from_str(json)?;
        match &*tag.kind {
            "message" => parse_message(json),
            "reasoning" => parse_reasoning(json),
            "web_search_call" => parse_web_search(json),
            "function_call" => parse_function_call(json),
            "custom_tool_call" => parse_custom_tool_call(json),
            "local_shell_call" => parse_local_shell_call(json),
            "image_generation_call" => parse_image_generation(json),
            other => Ok(Self::Other { kind: other.to_owned() }),
        }
    }
}

fn parse_message(json: &str) -> Result<OutputItemKind, serde_json::Error> {
    #[derive(Deserialize)]
    struct Message {
        #[serde(default, deserialize_with = "id")]
        id: Option<String>,
        role: String,
        #[serde(default)]
        content: Option<Vec<Part>>,
        #[serde(default)]
        phase: Option<String>,
    }
    let Message { id, role, content, phase } = serde_json::from_str(json)?;
    Ok(OutputItemKind::Message { id, role, text: texts(content).collect(), phase })
}

fn parse_reasoning(json: &str) -> Result<OutputItemKind, serde_json::Error> {
    #[derive(Deserialize)]
    struct Reasoning {
        #[serde(default, deserialize_with = "id")]
        id: Option<String>,
        #[serde(default)]
        summary: Option<Vec<Part>>,
        #[serde(default)]
        content: Option<Vec<Part>>,
    }
    let Reasoning { id, summary, content } = serde_json::from_str(json)?;
    Ok(OutputItemKind::Reasoning { id, summary: texts(summary).collect(), content: texts(content).collect() })
}

fn parse_web_search(json: &str) -> Result<OutputItemKind, serde_json::Error> {
    #[derive(Deserialize)]
    struct WebSearch {
        #[serde(default, deserialize_with = "id")]
        id: Option<String>,
        #[serde(default)]
        action: Option<Action>,
    }
    #[derive(Deserialize)]
    #[serde(tag = "type", rename_all = "snake_case")]
    enum Action {
        Search {
            query: Option<String>,
            #[serde(default)]
            queries: Option<Vec<String>>,
        },
        OpenPage {
            url: Option<String>,
        },
        FindInPage {
            url: Option<String>,
            pattern: Option<String>,
        },
        #[serde(other)]
        Other,
    }
    let WebSearch { id, action } = serde_json::from_str(json)?;
    let action = action.map(|action| match action {
        Action::Search { query, queries } => {
            WebSearchAction::Search { query, queries: queries.unwrap_or_default() }
        }
        Action::OpenPage { url } => WebSearchAction::OpenPage { url },
        Action::FindInPage { url, pattern } => WebSearchAction::FindInPage { url, pattern },
        Action::Other => WebSearchAction::Other,
    });
    Ok(OutputItemKind::WebSearch { id, action })
}

fn parse_function_call(json: &str) -> Result<OutputItemKind, serde_json::Error> {
    #[derive(Deserialize)]
    struct FunctionCall<'a> {
        #[serde(default, deserialize_with = "id")]
        id: Option<String>,
        call_id: String,
        name: String,
        #[serde(default)]
        namespace: Option<String>,
        #[serde(borrow, default)]
        arguments: Option<&'a RawValue>,
    }
    let call: FunctionCall<'_> = serde_json::from_str(json)?;
    Ok(OutputItemKind::FunctionCall {
        id: call.id,
        call_id: call.call_id,
        name: call.name,
        namespace: call.namespace,
        arguments: arguments(call.arguments),
    })
}

fn parse_custom_tool_call(json: &str) -> Result<OutputItemKind, serde_json::Error> {
    #[derive(Deserialize)]
    struct CustomToolCall {
        #[serde(default, deserialize_with = "id")]
        id: Option<String>,
        call_id: String,
        name: String,
        #[serde(default)]
        input: String,
    }
    let CustomToolCall { id, call_id, name, input } = serde_json::from_str(json)?;
    Ok(OutputItemKind::CustomToolCall { id, call_id, name, input })
}

fn parse_local_shell_call(json: &str) -> Result<OutputItemKind, serde_json::Error> {
    #[derive(Deserialize)]
    struct LocalShellCall {
        #[serde(default, deserialize_with = "id")]
        id: Option<String>,
        #[serde(default, deserialize_with = "id")]
        call_id: Option<String>,
        #[serde(default)]
        action: Option<LocalShellAction>,
    }
    let LocalShellCall { id, call_id, action } = serde_json::from_str(json)?;
    Ok(OutputItemKind::LocalShellCall { id, call_id, action: action.unwrap_or_default() })
}

fn parse_image_generation(json: &str) -> Result<OutputItemKind, serde_json::Error> {
    #[derive(Deserialize)]
    struct ImageGeneration {
        #[serde(default, deserialize_with = "id")]
        id: Option<String>,
        #[serde(default)]
        status: Option<String>,
        #[serde(default)]
        revised_prompt: Option<String>,
        #[serde(default)]
        result: Option<String>,
    }
    let ImageGeneration { id, status, revised_prompt, result } = serde_json::from_str(json)?;
    Ok(OutputItemKind::ImageGeneration { id, status, revised_prompt, result })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(data: &str, expected: &Expect) {
        let shown = match decode(data.as_bytes()) {
            // Raw is the text itself; the kind is what there is to check.
            Decoded::Event(ModelEvent::ItemAdded(item)) => format!("added {:?}", item.kind),
            Decoded::Event(ModelEvent::ItemDone(item)) => format!("done {:?}", item.kind),
            Decoded::Event(event) => format!("{event:?}"),
            Decoded::Failed(error) => format!("failed {:?}: {error}", error.kind),
            Decoded::Ended(error) => format!("ended {:?}: {error}", error.kind),
            Decoded::Ignored => "ignored".to_owned(),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn deltas() {
        check(
            r#"{"type":"response.output_text.delta","item_id":"m","delta":"a \"b\" é"}"#,
            &expect![[r#"TextDelta { delta: "a \"b\" é" }"#]],
        );
        check(
            r#"{"delta":"s","summary_index":2,"type":"response.reasoning_summary_text.delta"}"#,
            &expect![[r#"ReasoningSummaryDelta { delta: "s", summary_index: 2 }"#]],
        );
        check(
            r#"{"type":"response.reasoning_text.delta","delta":"r","content_index":1}"#,
            &expect![[r#"ReasoningDelta { delta: "r", content_index: 1 }"#]],
        );
        check(
            r#"{"type":"response.reasoning_summary_part.added","summary_index":1}"#,
            &expect!["ReasoningSummaryPartAdded { summary_index: 1 }"],
        );
    }

    #[test]
    fn what_is_ignored() {
        for data in [
            "",
            "[DONE]",
            "not json",
            "[]",
            r#"{"delta":"no type"}"#,
            r#"{"type":"response.brand_new","x":1}"#,
            r#"{"type":"response.output_text.delta"}"#,
            r#"{"type":"response.function_call_arguments.delta","delta":"{"}"#,
            r#"{"type":"response.output_item.done"}"#,
            r#"{"type":"response.output_item.done","item":{"id":"no type"}}"#,
            r#"{"type":"response.output_item.done","item":{"type":"function_call","name":"no call id"}}"#,
            r#"{"type":"response.completed"}"#,
            r#"{"type":"response.output_text.delta","delta":"half a pair: \ud800"}"#,
        ] {
            check(data, &expect!["ignored"]);
        }
        assert!(matches!(
            decode(b"{\"type\":\"response.output_text.delta\",\"delta\":\"\xff\"}"),
            Decoded::Ignored
        ));
    }

    #[test]
    fn ends() {
        check(
            r#"{"type":"response.completed","response":{"id":"r","usage":{"input_tokens":10,"input_tokens_details":{"cached_tokens":3,"cache_write_tokens":7},"output_tokens":5,"output_tokens_details":{"reasoning_tokens":2},"total_tokens":15}}}"#,
            &expect![[
                r#"Completed { response_id: "r", usage: Some(Usage { input_tokens: 10, cached_input_tokens: 3, cache_write_input_tokens: 7, output_tokens: 5, reasoning_output_tokens: 2, total_tokens: 15 }) }"#
            ]],
        );
        check(
            r#"{"type":"response.completed","response":{"id":"r","usage":null}}"#,
            &expect![[r#"Completed { response_id: "r", usage: None }"#]],
        );
        check(
            r#"{"type":"response.completed","response":{"id":"r","usage":{"x":1}}}"#,
            &expect![
                "ended StreamClosed: the model's answer broke off: its completion is not understood: missing field `input_tokens` at line 1 column 25"
            ],
        );
        check(
            r#"{"type":"response.completed","response":{}}"#,
            &expect![
                "ended StreamClosed: the model's answer broke off: its completion is not understood: missing field `id` at line 1 column 2"
            ],
        );
        check(r#"{"type":"response.done"}"#, &expect![[r#"Completed { response_id: "", usage: None }"#]]);
        check(
            r#"{"type":"response.done","response":{"id":"r"}}"#,
            &expect![[r#"Completed { response_id: "r", usage: None }"#]],
        );
        check(
            r#"{"type":"response.incomplete","response":{"incomplete_details":null}}"#,
            &expect!["ended Incomplete: the model's answer is incomplete, reason: unknown"],
        );
        check(
            r#"{"type":"response.incomplete","response":{"incomplete_details":{"reason":"content_filter"}}}"#,
            &expect!["ended StreamClosed: the model's answer is incomplete, reason: content_filter"],
        );
        check(
            r#"{"type":"response.failed","response":{"error":{"code":"invalid_prompt","message":"no"}}}"#,
            &expect!["failed InvalidPrompt: no"],
        );
        check(
            r#"{"type":"response.failed","response":{"error":null}}"#,
            &expect![
                "failed StreamClosed: the model's answer broke off: the server failed without saying why"
            ],
        );
    }

    fn check_item(item: &str, expected: &Expect) {
        let raw = RawValue::from_string(item.to_owned()).unwrap();
        let item = OutputItem::parse(&raw).unwrap();
        assert_eq!(item.raw.get(), raw.get());
        expected.assert_eq(&format!("{:?}", item.kind));
    }

    #[test]
    fn items() {
        check_item(
            r#"{"type":"message","role":"assistant","id":"m","content":[{"type":"output_text","text":"a"},{"type":"x"},{"type":"refusal","refusal":"b"}],"phase":"commentary"}"#,
            &expect![[
                r#"Message { id: Some("m"), role: "assistant", text: "ab", phase: Some("commentary") }"#
            ]],
        );
        check_item(
            r#"{"type":"message","role":"assistant","id":"","content":null}"#,
            &expect![[r#"Message { id: None, role: "assistant", text: "", phase: None }"#]],
        );
        check_item(
            r#"{"type":"reasoning","id":"rs","summary":[{"type":"summary_text","text":"s"}],"content":[{"type":"reasoning_text","text":"r"}],"encrypted_content":"x"}"#,
            &expect![[r#"Reasoning { id: Some("rs"), summary: ["s"], content: ["r"] }"#]],
        );
        check_item(
            r#"{"type":"web_search_call","id":"ws","status":"completed","action":{"type":"search","query":"q","queries":["q","r"]}}"#,
            &expect![[
                r#"WebSearch { id: Some("ws"), action: Some(Search { query: Some("q"), queries: ["q", "r"] }) }"#
            ]],
        );
        check_item(
            r#"{"type":"web_search_call","id":"ws","action":{"type":"find_in_page","url":"u","pattern":"p"}}"#,
            &expect![[
                r#"WebSearch { id: Some("ws"), action: Some(FindInPage { url: Some("u"), pattern: Some("p") }) }"#
            ]],
        );
        check_item(
            r#"{"type":"web_search_call","status":"in_progress"}"#,
            &expect!["WebSearch { id: None, action: None }"],
        );
        check_item(
            r#"{"type":"web_search_call","action":{"type":"new"}}"#,
            &expect!["WebSearch { id: None, action: Some(Other) }"],
        );
        check_item(
            r#"{"type":"brand_new_item","id":"n"}"#,
            &expect![[r#"Other { kind: "brand_new_item" }"#]],
        );
        check_item(
            r#"{"type":"image_generation_call","id":"ig","status":"completed","revised_prompt":"a dot","result":"iVBO"}"#,
            &expect![[
                r#"ImageGeneration { id: Some("ig"), status: Some("completed"), revised_prompt: Some("a dot"), result: Some("iVBO") }"#
            ]],
        );
    }

    #[test]
    fn calls() {
        check_item(
            r#"{"type":"function_call","id":"fc","call_id":"c","name":"n","namespace":"ns","arguments":"{\"a\":1}"}"#,
            &expect![[
                r#"FunctionCall { id: Some("fc"), call_id: "c", name: "n", namespace: Some("ns"), arguments: "{\"a\":1}" }"#
            ]],
        );
        check_item(
            r#"{"type":"function_call","call_id":"c","name":"n","arguments":{"a":1}}"#,
            &expect![[
                r#"FunctionCall { id: None, call_id: "c", name: "n", namespace: None, arguments: "{\"a\":1}" }"#
            ]],
        );
        check_item(
            r#"{"type":"function_call","call_id":"c","name":"n"}"#,
            &expect![[
                r#"FunctionCall { id: None, call_id: "c", name: "n", namespace: None, arguments: "" }"#
            ]],
        );
        check_item(
            r#"{"type":"custom_tool_call","call_id":"c","name":"apply_patch","input":"x\ny","id":"ct"}"#,
            &expect![[
                r#"CustomToolCall { id: Some("ct"), call_id: "c", name: "apply_patch", input: "x\ny" }"#
            ]],
        );
        check_item(
            r#"{"type":"local_shell_call","id":"ls","call_id":null,"status":"completed","action":{"type":"exec","command":["ls","-l"],"timeout_ms":5}}"#,
            &expect![[
                r#"LocalShellCall { id: Some("ls"), call_id: None, action: LocalShellAction { command: ["ls", "-l"], timeout_ms: Some(5), working_directory: None } }"#
            ]],
        );
    }
}
