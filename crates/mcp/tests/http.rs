//! Connections over HTTP, to a server on loopback.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use app_server_http::{HttpClient, Secret};
use app_server_mcp::{
    Action, Answer, Answering, Authorization, Connection, Elicitation, Endpoint, Listener, McpError, Token,
    ToolCall,
};
use app_server_test_support::Reply;
use app_server_test_support::mcp::HttpMcpServer;
use pretty_assertions::assert_eq;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

const LIMIT: Duration = Duration::from_secs(30);

/// Says yes to everything, and keeps the tags of what was asked.
#[derive(Default)]
struct Yes(Mutex<Vec<Option<u64>>>);

impl Listener for Yes {
    fn tools_changed(&self) {}

    fn elicit(&self, elicitation: Elicitation) -> Answering {
        self.0.lock().unwrap().push(elicitation.call);
        let answer = Answer { action: Action::Accept, content: Some(json!({"sure": true})) };
        Box::pin(std::future::ready(answer))
    }
}

/// Tokens in their order; the next one when one is refused.
struct Tokens(&'static [&'static str]);

impl Authorization for Tokens {
    fn token(&self) -> Token {
        let first = self.0.first().map(|token| Secret::new(*token));
        Box::pin(std::future::ready(first))
    }

    fn instead_of(&self, refused: Option<Secret>) -> Token {
        let refused = refused.unwrap();
        let place = self.0.iter().position(|token| *token == refused.expose());
        let next = place.and_then(|place| self.0.get(place + 1)).map(|token| Secret::new(*token));
        Box::pin(std::future::ready(next))
    }
}

struct Setting {
    runtime: Runtime,
    server: HttpMcpServer,
}

fn setting() -> Setting {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    Setting { runtime, server: HttpMcpServer::start() }
}

impl Setting {
    fn connect(&self, authorization: Option<Arc<dyn Authorization>>) -> Result<Connection, McpError> {
        self.connect_as(authorization, Arc::new(Yes::default()))
    }

    fn connect_as(
        &self,
        authorization: Option<Arc<dyn Authorization>>,
        listener: Arc<Yes>,
    ) -> Result<Connection, McpError> {
        let headers = vec![("x-own".to_owned(), Secret::new("mine"))];
        let endpoint = Endpoint { url: self.server.url(), headers, authorization };
        self.runtime.block_on(Connection::over_http(&HttpClient::default(), endpoint, "1.0", listener))
    }

    fn call(&self, connection: &Connection, tool: &str) -> Result<Value, McpError> {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ears = heard.clone();
        let call = ToolCall {
            tool: tool.to_owned(),
            arguments: json!({"text": "hi"}).as_object().cloned(),
            meta: None,
            tag: 7,
            limit: LIMIT,
            progress: Some(Box::new(move |progress| ears.lock().unwrap().extend(progress.message))),
            cancel: CancellationToken::new(),
        };
        let mut result = self.runtime.block_on(connection.call_tool(call))?;
        let heard = heard.lock().unwrap();
        if !heard.is_empty() {
            result["heard"] = json!(*heard);
        }
        Ok(result)
    }
}

fn text(text: &str) -> Value {
    json!({"content": [{"type": "text", "text": text}]})
}

#[test]
fn answers_come_as_json_or_as_events() {
    for as_events in [false, true] {
        let setting = setting();
        if as_events {
            setting.server.answer_with_events();
        }
        let yes = Arc::new(Yes::default());
        let connection = setting.connect_as(None, yes.clone()).unwrap();
        assert_eq!(connection.server().info["name"], "http-server");
        let tools = setting.runtime.block_on(connection.list_tools(LIMIT)).unwrap();
        assert_eq!(tools.len(), 3);
        assert_eq!(setting.call(&connection, "echo"), Ok(text("echo: hi")));
        let mut counted = text("counted");
        counted["heard"] = json!(["step 1", "step 2", "step 3"]);
        assert_eq!(setting.call(&connection, "count"), Ok(counted));
        let asked = setting.call(&connection, "ask").unwrap();
        assert_eq!(asked, text(r#"{"action":"accept","content":{"sure":true}}"#));
        assert_eq!(*yes.0.lock().unwrap(), [Some(7)]);
        let unknown = setting.call(&connection, "nope");
        assert_eq!(unknown, Err(McpError::Refused { code: -32602, message: "unknown tool nope".to_owned() }));
        setting.runtime.block_on(connection.close());
        assert!(connection.is_closed());
        let requests = setting.server.requests_to("/mcp");
        assert!(requests.iter().all(|request| request.header("x-own") == Some("mine")));
        assert_eq!(requests.last().unwrap().method, "DELETE");
        assert_eq!(requests.last().unwrap().header("mcp-session-id"), Some("session-1"));
    }
}

#[test]
fn a_session_that_has_expired_is_begun_anew() {
    let setting = setting();
    let connection = setting.connect(None).unwrap();
    assert!(setting.call(&connection, "echo").is_ok());
    setting.server.expire_sessions();
    assert_eq!(setting.call(&connection, "echo"), Ok(text("echo: hi")));
}

#[test]
fn a_server_that_wants_a_sign_in_says_where() {
    let setting = setting();
    setting.server.require_sign_in();
    setting.server.accept_token("good");
    let Err(McpError::SignInRequired { challenge: Some(challenge) }) = setting.connect(None) else {
        panic!()
    };
    assert!(challenge.contains("/.well-known/oauth-protected-resource/mcp"), "{challenge}");
    let bad = setting.connect(Some(Arc::new(Tokens(&["bad"]))));
    assert!(matches!(bad, Err(McpError::SignInRequired { .. })));
    let connection = setting.connect(Some(Arc::new(Tokens(&["bad", "good"])))).unwrap();
    assert!(setting.call(&connection, "echo").is_ok());
    setting.server.expire_tokens();
    assert!(matches!(setting.call(&connection, "echo"), Err(McpError::SignInRequired { .. })));
}

#[test]
fn what_a_server_refuses_is_said_in_its_words_and_no_token_leaves_it() {
    let setting = setting();
    let other = HttpMcpServer::start();
    let connection = setting.connect(Some(Arc::new(Tokens(&["secret-token"])))).unwrap();
    setting.server.script("/mcp", Reply::text(500, "out of \u{1b}[31morder"));
    let broken = setting.call(&connection, "echo").unwrap_err();
    assert_eq!(broken.to_string(), "HTTP 500 Internal Server Error: out of [31morder");
    setting.server.script("/mcp", Reply::redirect(&other.url()));
    let moved = setting.call(&connection, "echo").unwrap_err();
    assert_eq!(moved.to_string(), "HTTP 307 Temporary Redirect: redirects to another host are not followed");
    assert!(other.requests().is_empty());
    setting.server.script("/mcp", Reply::text(200, "<html>"));
    let page = setting.call(&connection, "echo").unwrap_err();
    assert_eq!(page.to_string(), "the server answered with text/plain instead of JSON");
    setting.server.script("/mcp", Reply::json(200, &json!({"huge": "x".repeat(17 << 20)})));
    let huge = setting.call(&connection, "echo").unwrap_err();
    assert_eq!(huge.to_string(), "the answer has more than 16384 KiB");
    assert!(setting.call(&connection, "echo").is_ok());
}

#[test]
fn an_address_that_is_none_is_refused_without_asking() {
    let runtime = setting().runtime;
    for (url, words) in
        [("ftp://h/", "the url is neither http nor https"), ("nonsense", "the url is not valid")]
    {
        let endpoint = Endpoint { url: url.to_owned(), headers: Vec::new(), authorization: None };
        let http = HttpClient::default();
        let made = Connection::over_http(&http, endpoint, "1.0", Arc::new(Yes::default()));
        let error = runtime.block_on(made).err().unwrap();
        assert!(error.to_string().starts_with(words), "{error}");
    }
}
