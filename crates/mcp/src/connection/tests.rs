//! Connections to a server the test plays, over pipes in memory.

use std::sync::Mutex;

use pretty_assertions::assert_eq;
use tokio::io::{
    AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf,
};
use tokio::sync::mpsc;

use super::*;
use crate::{Action, Answer, Answering, Elicitation, Progress};

const LIMIT: Duration = Duration::from_secs(60);

/// The server's end of a connection.
struct Played {
    lines: Lines<BufReader<ReadHalf<DuplexStream>>>,
    output: WriteHalf<DuplexStream>,
}

impl Played {
    /// Reads the next message.
    async fn next(&mut self) -> Value {
        serde_json::from_str(&self.lines.next_line().await.unwrap().expect("a message")).unwrap()
    }

    /// Reads the next message, which must be a request of this kind, and returns its id and params.
    async fn request(&mut self, method: &str) -> (Value, Value) {
        let message = self.next().await;
        assert_eq!(message["method"], method, "{message}");
        (message["id"].clone(), message["params"].clone())
    }

    async fn say(&mut self, line: impl std::fmt::Display) {
        self.output.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    async fn answer(&mut self, id: &Value, result: Value) {
        self.say(json!({"jsonrpc": "2.0", "id": id, "result": result})).await;
    }

    async fn progress(&mut self, params: &Value, progress: f64, message: &str) {
        let token = &params["_meta"]["progressToken"];
        let params = json!({"progressToken": token, "progress": progress, "total": 2, "message": message});
        self.say(json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": params})).await;
    }

    /// Plays the handshake.
    async fn greet(&mut self, capabilities: Value) -> Value {
        let (id, params) = self.request("initialize").await;
        let info = json!({"name": "demo-server", "version": "1.2.3"});
        let result = json!({"protocolVersion": "2025-06-18", "capabilities": capabilities, "serverInfo": info,
                            "instructions": "be gentle"});
        self.answer(&id, result).await;
        assert_eq!(self.next().await["method"], "notifications/initialized");
        params
    }
}

/// Answers questions as the test says.
struct Ears {
    changes: Mutex<usize>,
    questions: mpsc::Sender<(Elicitation, tokio::sync::oneshot::Sender<Answer>)>,
}

impl Listener for Ears {
    fn tools_changed(&self) {
        *self.changes.lock().unwrap() += 1;
    }

    fn elicit(&self, elicitation: Elicitation) -> Answering {
        let (answer, receiver) = tokio::sync::oneshot::channel();
        let _ = self.questions.try_send((elicitation, answer));
        Box::pin(async move { receiver.await.unwrap_or(Answer { action: Action::Cancel, content: None }) })
    }
}

type Questions = mpsc::Receiver<(Elicitation, tokio::sync::oneshot::Sender<Answer>)>;

fn ears() -> (Arc<Ears>, Questions) {
    let (questions, receiver) = mpsc::channel(8);
    (Arc::new(Ears { changes: Mutex::new(0), questions }), receiver)
}

fn pipes() -> (DuplexStream, Played) {
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let (input, output) = tokio::io::split(theirs);
    (ours, Played { lines: BufReader::new(input).lines(), output })
}

async fn connected(capabilities: Value) -> (Connection, Played, Arc<Ears>, Questions) {
    let (ours, mut played) = pipes();
    let (ears, questions) = ears();
    let (from_server, to_server) = tokio::io::split(ours);
    let connecting = Connection::over_stdio(from_server, to_server, "1.0", ears.clone());
    let (connection, _) = tokio::join!(connecting, played.greet(capabilities));
    (connection.unwrap(), played, ears, questions)
}

fn call(tool: &str, tag: u64) -> ToolCall {
    ToolCall {
        tool: tool.to_owned(),
        arguments: None,
        meta: None,
        tag,
        limit: LIMIT,
        progress: None,
        cancel: CancellationToken::new(),
    }
}

#[tokio::test]
async fn the_handshake_says_who_we_are() {
    let (ours, mut played) = pipes();
    let (from_server, to_server) = tokio::io::split(ours);
    let connecting = Connection::over_stdio(from_server, to_server, "1.0", ears().0);
    let (connection, params) =
        tokio::join!(connecting, played.greet(json!({"tools": {}, "experimental": {"x": {"y": 1}}})));
    assert_eq!(
        params,
        json!({
            "protocolVersion": "2025-06-18",
            "capabilities": {"elicitation": {"form": {}, "url": {}}},
            "clientInfo": {"name": "codex-mcp-client", "title": "Codex", "version": "1.0"},
        })
    );
    let connection = connection.unwrap();
    assert_eq!(
        connection.server(),
        &ServerInfo {
            info: json!({"name": "demo-server", "version": "1.2.3"}),
            capabilities: json!({"tools": {}, "experimental": {"x": {"y": 1}}}),
            instructions: Some("be gentle".to_owned()),
            protocol_version: "2025-06-18".to_owned(),
        }
    );
}

#[tokio::test]
async fn a_server_that_ends_or_refuses_at_the_handshake_says_so() {
    let (ours, played) = pipes();
    let (from_server, to_server) = tokio::io::split(ours);
    drop(played);
    let error = Connection::over_stdio(from_server, to_server, "1.0", ears().0).await.err().unwrap();
    assert!(
        matches!(&error, McpError::Closed(words) if words.contains("before it answered initialize"))
            || matches!(&error, McpError::Transport(_)),
        "{error}"
    );

    let (ours, mut played) = pipes();
    let (from_server, to_server) = tokio::io::split(ours);
    let connecting = Connection::over_stdio(from_server, to_server, "1.0", ears().0);
    let refusing = async {
        let (id, _) = played.request("initialize").await;
        played
            .say(json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32602, "message": "too old"}}))
            .await;
    };
    let (connection, ()) = tokio::join!(connecting, refusing);
    assert_eq!(connection.err(), Some(McpError::Refused { code: -32602, message: "too old".to_owned() }));
}

#[tokio::test]
async fn tools_come_page_after_page_and_noise_is_passed_over() {
    let (connection, mut played, ..) = connected(json!({"tools": {}})).await;
    let serving = async {
        let (id, params) = played.request("tools/list").await;
        assert!(params["cursor"].is_null());
        played.say("Server ready!").await;
        played.say("").await;
        played.say(r#"{"half": "#).await;
        let first = json!([{"name": "a", "inputSchema": {"type": "object"}, "odd": [1]}, {"nameless": 1}]);
        played.answer(&id, json!({"tools": first, "nextCursor": "2"})).await;
        let (id, params) = played.request("tools/list").await;
        assert_eq!(params["cursor"], "2");
        let second = json!([{"name": "b", "annotations": {"readOnlyHint": true}}]);
        played.answer(&id, json!({"tools": second, "nextCursor": "2"})).await;
        let (id, _) = played.request("resources/list").await;
        played.say(json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32601, "message": "no"}})).await;
    };
    let asking = async {
        let tools = connection.list_tools(LIMIT).await.unwrap();
        assert_eq!(tools.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(tools[0].definition["odd"], json!([1]));
        assert_eq!(tools.iter().map(ListedTool::is_read_only).collect::<Vec<_>>(), [false, true]);
        // Without the capability nobody asks.
        assert_eq!(connection.list_resources(None, LIMIT).await, Ok(json!({"resources": []})));
        assert_eq!(connection.all_resource_templates(LIMIT).await, Ok(Vec::new()));
        connection.ask("resources/list", json!({}), None, None).await.unwrap_err();
    };
    tokio::join!(serving, asking);
}

#[tokio::test]
async fn a_call_hears_its_progress_in_order_and_gets_the_result_as_it_is() {
    let (connection, mut played, ..) = connected(json!({"tools": {}})).await;
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ears = heard.clone();
    let result = json!({"content": [{"type": "hologram"}], "structuredContent": {"n": 1}, "_meta": {"a": 1}});
    let serving = async {
        let (id, params) = played.request("tools/call").await;
        assert_eq!(
            (&params["name"], &params["arguments"], &params["_meta"]["mine"]),
            (&json!("echo"), &json!({"x": 1}), &json!(true))
        );
        for number in 0..50 {
            played.progress(&params, f64::from(number), &number.to_string()).await;
        }
        played.answer(&id, result.clone()).await;
    };
    let calling = connection.call_tool(ToolCall {
        arguments: Some(Map::from_iter([("x".to_owned(), json!(1))])),
        meta: Some(Map::from_iter([("mine".to_owned(), json!(true))])),
        progress: Some(Box::new(move |progress: Progress| {
            assert_eq!(progress.total, Some(2.0));
            ears.lock().unwrap().push(progress.message.unwrap());
        })),
        ..call("echo", 1)
    });
    let ((), answer) = tokio::join!(serving, calling);
    assert_eq!(answer, Ok(result));
    let expected: Vec<_> = (0..50).map(|number| number.to_string()).collect();
    assert_eq!(*heard.lock().unwrap(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_too_long_or_is_given_up_is_taken_back() {
    let (connection, mut played, ..) = connected(json!({})).await;
    let cancel = CancellationToken::new();
    let given_up = ToolCall { cancel: cancel.clone(), ..call("slow", 1) };
    let late = ToolCall { limit: Duration::from_millis(1500), ..call("slow", 2) };
    for (call, words) in [(given_up, "cancelled"), (late, "timed out awaiting tools/call after 1.5s")] {
        let serving = async {
            let (id, _) = played.request("tools/call").await;
            cancel.cancel();
            let (_, params) = played.request("notifications/cancelled").await;
            assert_eq!(params["requestId"], id);
        };
        let (answer, ()) = tokio::join!(connection.call_tool(call), serving);
        assert_eq!(answer.unwrap_err().to_string(), words);
    }
}

#[tokio::test(start_paused = true)]
async fn the_clock_stands_while_the_user_is_asked() {
    let (connection, mut played, _, mut questions) = connected(json!({})).await;
    let asked = json!({"message": "Sure?", "requestedSchema": {"type": "object", "properties": {"odd": 3}}});
    let serving = async {
        let (first, _) = played.request("tools/call").await;
        let (second, _) = played.request("tools/call").await;
        played
            .say(json!({"jsonrpc": "2.0", "id": "q", "method": "elicitation/create", "params": asked}))
            .await;
        let answer = played.next().await;
        assert_eq!(answer["id"], "q");
        assert_eq!(answer["result"], json!({"action": "accept", "content": {"yes": true}}));
        played.answer(&second, json!({"content": []})).await;
        played.answer(&first, json!({"content": []})).await;
    };
    let answering = async {
        let (question, answer) = questions.recv().await.unwrap();
        assert_eq!((&question.params, question.call), (&asked, Some(2)));
        tokio::time::sleep(Duration::from_secs(50)).await;
        let _ = answer.send(Answer { action: Action::Accept, content: Some(json!({"yes": true})) });
    };
    let limited = ToolCall { limit: Duration::from_secs(1), ..call("ask", 2) };
    let calling =
        async { tokio::join!(connection.call_tool(call("wait", 1)), connection.call_tool(limited)) };
    let ((), (), (first, second)) = tokio::join!(serving, answering, calling);
    assert_eq!((first.is_ok(), second), (true, Ok(json!({"content": []}))));
}

#[tokio::test]
async fn a_question_is_withdrawn_when_the_server_goes() {
    let (connection, mut played, _, mut questions) = connected(json!({})).await;
    let calling = connection.call_tool(call("ask", 1));
    let serving = async {
        played.request("tools/call").await;
        played.say(json!({"jsonrpc": "2.0", "id": 1, "method": "elicitation/create", "params": {}})).await;
        let (question, _answer) = questions.recv().await.unwrap();
        drop(played);
        question.withdrawn.cancelled().await;
    };
    let (answer, ()) = tokio::join!(calling, serving);
    assert!(matches!(answer, Err(McpError::Closed(_))), "{answer:?}");
    connection.closed().await;
    assert!(connection.is_closed());
    assert!(connection.call_tool(call("more", 2)).await.is_err());
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_fails_its_call() {
    let (connection, mut played, ..) = connected(json!({})).await;
    let serving = async {
        let (id, _) = played.request("tools/call").await;
        played.say(json!({"jsonrpc": "2.0", "id": id})).await;
        let (id, _) = played.request("tools/call").await;
        let long = "x".repeat(message::MAX_MESSAGE);
        played.say(json!({"result": {"content": long}, "jsonrpc": "2.0", "id": id})).await;
        let (id, _) = played.request("tools/call").await;
        played.answer(&id, json!({"content": []})).await;
    };
    let calling = async {
        let none = connection.call_tool(call("none", 1)).await.unwrap_err();
        assert_eq!(none.to_string(), "the answer is neither a result nor an error");
        let large = connection.call_tool(call("large", 2)).await.unwrap_err();
        assert_eq!(large.to_string(), "the server's answer has more than 16 MiB");
        assert!(connection.call_tool(call("fine", 3)).await.is_ok());
    };
    tokio::join!(serving, calling);
}

#[tokio::test]
async fn changed_tools_are_told_and_unknown_requests_refused() {
    let (connection, mut played, ears, _) = connected(json!({})).await;
    played.say(json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})).await;
    played.say(json!({"jsonrpc": "2.0", "id": 1, "method": "something/odd", "params": {}})).await;
    let answer = played.next().await;
    assert_eq!(answer["error"]["code"], -32601);
    assert_eq!(*ears.changes.lock().unwrap(), 1);
    played.say(json!({"jsonrpc": "2.0", "id": 2, "method": "ping"})).await;
    assert_eq!(played.next().await["result"], json!({}));
    drop(connection);
    assert!(played.lines.next_line().await.unwrap().is_none());
}

#[tokio::test]
async fn closing_closes_the_servers_input() {
    let (connection, mut played, ..) = connected(json!({})).await;
    let other = connection.clone();
    let (answer, ()) = tokio::join!(other.call_tool(call("never", 1)), async {
        played.request("tools/call").await;
        connection.close().await;
    });
    assert!(answer.is_err());
    assert!(connection.is_closed());
    while played.lines.next_line().await.unwrap().is_some() {}
}
