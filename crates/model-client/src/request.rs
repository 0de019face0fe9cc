//! The body and the headers of one request, serialised straight to bytes. Knows nothing about how items and
//! tools are made: they come as JSON text and are passed through as they are.

use app_server_http::Secret;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::chat;
use crate::error::ModelError;
use crate::provider::{Provider, Wire};

/// What the model is asked (backend.md 2). The whole history goes along every time; nothing is kept at the server.
#[derive(Debug, Clone, Copy)]
pub struct ModelRequest<'a> {
    /// The model's slug.
    pub model: &'a str,
    /// The base instructions; always sent, even when empty.
    pub instructions: &'a str,
    /// The history as items of the Responses API.
    pub input: &'a [&'a RawValue],
    /// The tools on offer.
    pub tools: &'a [Box<RawValue>],
    /// Whether the model may ask for several tools at once.
    pub parallel_tool_calls: bool,
    /// `None` is sent as null: the model does not reason, or its server does not know the object.
    pub reasoning: Option<Reasoning<'a>>,
    /// The thread id, constant over the thread; left out when `None`.
    pub prompt_cache_key: Option<&'a str>,
    /// Left out when `None`.
    pub text: Option<TextOptions<'a>>,
    /// Left out when `None`.
    pub service_tier: Option<&'a str>,
}

/// How much the model reasons and how much of it is shown; what is unknown is left out.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Reasoning<'a> {
    /// `minimal`, `low`, `medium`, `high`, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effort: Option<&'a str>,
    /// `auto`, `concise`, `detailed`; the setting `none` is `None` here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<&'a str>,
}

/// The form of the answer's text.
#[derive(Debug, Clone, Copy, Default)]
pub struct TextOptions<'a> {
    /// `low`, `medium`, `high`.
    pub verbosity: Option<&'a str>,
    /// The JSON schema the final answer must follow.
    pub output_schema: Option<&'a RawValue>,
}

/// The name the API asks for with a schema (backend.md 2); it has no meaning beyond that.
const OUTPUT_SCHEMA_NAME: &str = "codex_output_schema";

/// The fields in the order of the January reference, so that recorded requests compare line by line.
#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    instructions: &'a str,
    input: &'a [&'a RawValue],
    tools: &'a [Box<RawValue>],
    tool_choice: &'static str,
    parallel_tool_calls: bool,
    reasoning: Option<Reasoning<'a>>,
    store: bool,
    stream: bool,
    include: &'static [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_cache_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<TextOptions<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'a str>,
}

impl Serialize for TextOptions<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Text<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            verbosity: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            format: Option<Format<'a>>,
        }
        #[derive(Serialize)]
        struct Format<'a> {
            r#type: &'static str,
            strict: bool,
            schema: &'a RawValue,
            name: &'static str,
        }
        let format = self.output_schema.map(|schema| Format {
            r#type: "json_schema",
            strict: true,
            schema,
            name: OUTPUT_SCHEMA_NAME,
        });
        Text { verbosity: self.verbosity, format }.serialize(serializer)
    }
}

impl ModelRequest<'_> {
    /// Returns the body as it goes to the given provider.
    ///
    /// # Errors
    /// `InvalidRequest` when the provider's wire has no place for what is asked.
    pub fn to_bytes(&self, provider: &Provider) -> Result<Vec<u8>, ModelError> {
        match provider.wire {
            Wire::Responses => Ok(self.responses_body(provider)),
            Wire::Chat => chat::to_bytes(self),
        }
    }

    #[allow(clippy::expect_used, reason = "a Vec takes every byte and the body has string keys only")]
    fn responses_body(&self, provider: &Provider) -> Vec<u8> {
        let body = Body {
            model: self.model,
            instructions: self.instructions,
            input: self.input,
            tools: self.tools,
            tool_choice: "auto",
            parallel_tool_calls: self.parallel_tool_calls,
            reasoning: self.reasoning,
            store: provider.is_azure(),
            stream: true,
            include: if self.reasoning.is_some() { &["reasoning.encrypted_content"] } else { &[] },
            prompt_cache_key: self.prompt_cache_key,
            text: self.text,
            service_tier: self.service_tier,
        };
        // The history is the bulk of it, and copying a long one over and over while the Vec grows is not free.
        let items: usize = self.input.iter().map(|item| item.get().len() + 1).sum();
        let tools: usize = self.tools.iter().map(|tool| tool.get().len() + 1).sum();
        let mut bytes = Vec::with_capacity(items + tools + self.instructions.len() * 11 / 10 + 1024);
        serde_json::to_writer(&mut bytes, &body).expect("a request body always serialises into memory");
        bytes
    }
}

/// Who asks: the headers that change from thread to thread or turn to turn (backend.md 3, auth.md 12).
/// Values that HTTP does not allow are left out.
#[derive(Debug, Clone, Default)]
pub struct RequestHeaders {
    /// The API key or access token; wins over an `authorization` header of the provider.
    pub bearer: Option<Secret>,
    /// The ChatGPT account, in the modes that have one.
    pub account_id: Option<String>,
    /// Whether the account's data may only go where the routing header says.
    pub is_fedramp: bool,
    /// The client's name as given in `initialize`.
    pub originator: String,
    /// Our user agent.
    pub user_agent: String,
    /// The thread id; sent as `session_id` and, for proxies that drop underscores, as `session-id`.
    pub session_id: String,
    /// The first `x-codex-turn-state` seen in this turn, echoed on its later requests.
    pub turn_state: Option<String>,
    /// What kind of sub-agent asks, if one does: `review`, `compact`, ...
    pub subagent: Option<String>,
    /// Whether the model may search the web; `None` sends no such header.
    pub web_search_eligible: Option<bool>,
}

impl RequestHeaders {
    /// Returns all headers of a model call. Provider headers override the identity headers (a user may set an own
    /// user agent), while what belongs to this very request overrides the provider's.
    pub(crate) fn resolve(&self, provider: &Provider) -> HeaderMap {
        let mut map = HeaderMap::new();
        let mut set = |name: HeaderName, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                map.insert(name, value);
            }
        };
        if !self.originator.is_empty() {
            set(HeaderName::from_static("originator"), &self.originator);
        }
        if !self.user_agent.is_empty() {
            set(reqwest::header::USER_AGENT, &self.user_agent);
        }
        for (name, value) in &provider.headers {
            if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
                set(name, value);
            }
        }
        set(ACCEPT, "text/event-stream");
        set(CONTENT_TYPE, "application/json");
        set(HeaderName::from_static("session_id"), &self.session_id);
        set(HeaderName::from_static("session-id"), &self.session_id);
        let optional = [
            ("x-codex-turn-state", self.turn_state.as_deref()),
            ("x-openai-subagent", self.subagent.as_deref()),
            ("chatgpt-account-id", self.account_id.as_deref()),
            ("x-openai-fedramp", self.is_fedramp.then_some("true")),
            // Of the servers of the other wire none searches.
            (
                "x-oai-web-search-eligible",
                self.web_search_eligible
                    .filter(|_| provider.wire == Wire::Responses)
                    .map(|eligible| if eligible { "true" } else { "false" }),
            ),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                set(HeaderName::from_static(name), value);
            }
        }
        if let Some(bearer) = &self.bearer
            && let Ok(mut value) = HeaderValue::from_str(&format!("Bearer {}", bearer.expose()))
        {
            value.set_sensitive(true);
            map.insert(AUTHORIZATION, value);
        }
        map
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::offline::OfflineScript;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    fn provider() -> Provider {
        Provider::offline(OfflineScript::builtin())
    }

    fn bare() -> ModelRequest<'static> {
        ModelRequest {
            model: "m",
            instructions: "",
            input: &[],
            tools: &[],
            parallel_tool_calls: false,
            reasoning: None,
            prompt_cache_key: None,
            text: None,
            service_tier: None,
        }
    }

    fn check(request: &ModelRequest<'_>, provider: &Provider, expected: &Expect) {
        expected.assert_eq(std::str::from_utf8(&request.to_bytes(provider).unwrap()).unwrap());
    }

    #[test]
    fn smallest_request() {
        check(
            &bare(),
            &provider(),
            &expect![[
                r#"{"model":"m","instructions":"","input":[],"tools":[],"tool_choice":"auto","parallel_tool_calls":false,"reasoning":null,"store":false,"stream":true,"include":[]}"#
            ]],
        );
    }

    #[test]
    fn full_request_passes_items_and_tools_through() {
        let user = raw(r#"{"type":"message", "role":"user","content":[]}"#);
        let tools = [raw(r#"{"type":"web_search","external_web_access":false}"#)];
        let schema = raw(r#"{"type":"object"}"#);
        let request = ModelRequest {
            instructions: "be \"brief\"",
            input: &[&user, &user],
            tools: &tools,
            parallel_tool_calls: true,
            reasoning: Some(Reasoning { effort: Some("medium"), summary: Some("auto") }),
            prompt_cache_key: Some("0195"),
            text: Some(TextOptions { verbosity: Some("low"), output_schema: Some(&schema) }),
            service_tier: Some("flex"),
            ..bare()
        };
        check(
            &request,
            &provider(),
            &expect![[
                r#"{"model":"m","instructions":"be \"brief\"","input":[{"type":"message", "role":"user","content":[]},{"type":"message", "role":"user","content":[]}],"tools":[{"type":"web_search","external_web_access":false}],"tool_choice":"auto","parallel_tool_calls":true,"reasoning":{"effort":"medium","summary":"auto"},"store":false,"stream":true,"include":["reasoning.encrypted_content"],"prompt_cache_key":"0195","text":{"verbosity":"low","format":{"type":"json_schema","strict":true,"schema":{"type":"object"},"name":"codex_output_schema"}},"service_tier":"flex"}"#
            ]],
        );
    }

    #[test]
    fn azure_stores_and_reasoning_leaves_out_what_is_unknown() {
        let azure = Provider { name: "azure".to_owned(), ..provider() };
        let request = ModelRequest { reasoning: Some(Reasoning::default()), ..bare() };
        check(
            &request,
            &azure,
            &expect![[
                r#"{"model":"m","instructions":"","input":[],"tools":[],"tool_choice":"auto","parallel_tool_calls":false,"reasoning":{},"store":true,"stream":true,"include":["reasoning.encrypted_content"]}"#
            ]],
        );
    }

    fn check_headers(headers: &RequestHeaders, provider: &Provider, expected: &Expect) {
        let map = headers.resolve(provider);
        let mut lines: Vec<String> =
            map.iter().map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap())).collect();
        lines.sort();
        expected.assert_eq(&lines.concat());
    }

    #[test]
    fn headers_of_a_plain_request() {
        let headers = RequestHeaders {
            bearer: Some(Secret::new("sk-1")),
            originator: "ide".to_owned(),
            user_agent: "ide/1".to_owned(),
            session_id: "0195".to_owned(),
            ..RequestHeaders::default()
        };
        check_headers(
            &headers,
            &provider(),
            &expect![[r#"
            accept: text/event-stream
            authorization: Bearer sk-1
            content-type: application/json
            originator: ide
            session-id: 0195
            session_id: 0195
            user-agent: ide/1
        "#]],
        );
    }

    #[test]
    fn every_header_and_who_wins() {
        let headers = RequestHeaders {
            bearer: Some(Secret::new("sk-1")),
            account_id: Some("acc".to_owned()),
            is_fedramp: false,
            originator: "ide".to_owned(),
            user_agent: "ide/1".to_owned(),
            session_id: "0195".to_owned(),
            turn_state: Some("st".to_owned()),
            subagent: Some("review".to_owned()),
            web_search_eligible: Some(false),
        };
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let provider = Provider {
            headers: vec![
                pair("User-Agent", "mine"),
                pair("Authorization", "Bearer provider"),
                pair("bad name", "x"),
                pair("x-bad-value", "a\nb"),
                pair("X-Team", "blue"),
            ],
            ..provider()
        };
        check_headers(
            &headers,
            &provider,
            &expect![[r#"
                accept: text/event-stream
                authorization: Bearer sk-1
                chatgpt-account-id: acc
                content-type: application/json
                originator: ide
                session-id: 0195
                session_id: 0195
                user-agent: mine
                x-codex-turn-state: st
                x-oai-web-search-eligible: false
                x-openai-subagent: review
                x-team: blue
            "#]],
        );
    }

    #[test]
    fn a_secret_shows_nothing() {
        let headers = RequestHeaders { bearer: Some(Secret::new("sk-1")), ..RequestHeaders::default() };
        let shown = format!("{headers:?}");
        assert!(shown.contains("[redacted]") && !shown.contains("sk-1"), "{shown}");
    }
}
