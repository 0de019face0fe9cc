//! Questions about MCP tools and of MCP servers: approvals and elicitations.

use app_server_test_support::{Answer, TestServer, events};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::calls::{call, completed, only};
use crate::mcp::{demo, settled};
use crate::{Scene, turn_status};

const ASKED: &str = "mcpServer/elicitation/request";

/// A model that makes these calls, one after the other, and says `done`.
fn calling<const CALLS: usize>(calls: [(&str, Value); CALLS]) -> Scene {
    let one = |(at, (tool, arguments)): (usize, (&str, Value))| {
        let name = format!("mcp__demo__{}", tool.replace(|c: char| !c.is_alphanumeric(), "_"));
        Answer::response([events::function_call(&format!("call_{}", at + 1), &name, &arguments)])
    };
    let answers = calls.into_iter().enumerate().map(one);
    Scene::new(answers.chain([Answer::message("done")])).with_mcp(&[demo("demo", &["all"], "")])
}

/// A thread that asks before calls.
fn asking(scene: &Scene, server: &mut TestServer) -> String {
    let params = json!({"approvalPolicy": "on-request", "sandbox": "workspace-write"});
    let thread = scene.thread_with(server, params);
    settled(server, &thread, "demo");
    thread
}

/// Starts a turn and takes what is told up to the next question, which is last.
fn to_question(server: &mut TestServer, thread: &str) -> Vec<Value> {
    server.start_turn(thread, "go");
    server.until("a question", |message| message["method"] == ASKED)
}

/// Whether the question is told to be closed, before the call is.
fn is_resolved(messages: &[Value], question: &Value) -> bool {
    let place = |is_it: &dyn Fn(&Value) -> bool| messages.iter().position(is_it);
    let closed = place(&|message| {
        message["method"] == "serverRequest/resolved" && message["params"]["requestId"] == question["id"]
    });
    let completed = place(&|message| {
        message["method"] == "item/completed" && message["params"]["item"]["type"] == "mcpToolCall"
    });
    closed.is_some() && closed < completed
}

#[test]
fn a_call_is_asked_about() {
    let scene = calling([("echo", json!({"text": "hi"}))]);
    let mut server = scene.server();
    let thread = asking(&scene, &mut server);
    let messages = to_question(&mut server, &thread);
    let question = messages.last().unwrap();
    let params = &question["params"];
    assert_eq!((&params["threadId"], &params["serverName"]), (&json!(thread), &json!("demo")));
    assert_eq!((&params["mode"], &params["requestedSchema"]["properties"]), (&json!("form"), &json!({})));
    let meta = &params["_meta"];
    assert_eq!(meta["codex_approval_kind"], "mcp_tool_call");
    assert_eq!(meta["persist"], json!(["session", "always"]));
    assert_eq!((&meta["tool_name"], &meta["tool_params"]), (&json!("echo"), &json!({"text": "hi"})));
    let is_waiting =
        |message: &Value| message["params"]["status"]["activeFlags"] == json!(["waitingOnApproval"]);
    assert!(messages.iter().any(is_waiting));
    server.reply(question, json!({"action": "accept", "content": {}}));
    let messages = server.until_turn_completed(&thread);
    assert!(is_resolved(&messages, question));
    assert_eq!(only(&messages, "mcpToolCall")["status"], "completed");
}

#[test]
fn a_refused_call_fails_and_the_turn_goes_on() {
    for (reply, reason) in [
        (json!({"action": "decline", "content": null}), "rejected by user"),
        (json!({"action": "cancel", "content": null}), "cancelled by user"),
        (Value::Null, "rejected by user"),
    ] {
        let scene = calling([("echo", json!({"text": "hi"}))]);
        let mut server = scene.server();
        let thread = asking(&scene, &mut server);
        let messages = to_question(&mut server, &thread);
        let question = messages.last().unwrap();
        if reply.is_null() {
            server.reply_error(question, -32601, "what is that?");
        } else {
            server.reply(question, reply);
        }
        let messages = server.until_turn_completed(&thread);
        assert_eq!(turn_status(&messages), "completed");
        let item = only(&messages, "mcpToolCall");
        assert_eq!((&item["status"], &item["error"]["message"]), (&json!("failed"), &json!(reason)));
        assert_eq!(scene.told(), reason);
    }
}

#[test]
fn an_answer_can_hold_for_the_session() {
    let calls = [("echo", json!({"text": "a"})), ("echo", json!({"text": "b"})), ("look", json!({}))];
    let scene = calling(calls);
    let mut server = scene.server();
    let thread = asking(&scene, &mut server);
    let messages = to_question(&mut server, &thread);
    let question = messages.last().unwrap();
    server.reply(question, json!({"action": "accept", "content": null, "_meta": {"persist": "session"}}));
    // The second call is known, and the last one changes nothing.
    let messages = server.until_turn_completed(&thread);
    let items = completed(&messages, "mcpToolCall");
    assert_eq!(items.len(), 3);
    assert!(items.iter().all(|item| item["status"] == "completed"));
    assert_eq!(items[2]["readOnlyHint"], true);
}

#[test]
fn an_answer_can_hold_for_good() {
    let scene = calling([("dot.name!", json!({})), ("dot.name!", json!({}))]);
    let path = scene.home.home().join("config.toml");
    let before = std::fs::read_to_string(&path).unwrap();
    let mut server = scene.server();
    let thread = asking(&scene, &mut server);
    let messages = to_question(&mut server, &thread);
    let always = json!({"action": "accept", "content": null, "_meta": {"persist": "always"}});
    server.reply(messages.last().unwrap(), always);
    let messages = server.until_turn_completed(&thread);
    assert_eq!(completed(&messages, "mcpToolCall").len(), 2);
    let after = std::fs::read_to_string(&path).unwrap();
    assert!(after.starts_with(before.trim_end()), "{after}");
    assert!(
        after.contains("[mcp_servers.demo.tools.\"dot.name!\"]\napproval_mode = \"approve\"\n"),
        "{after}"
    );
}

#[test]
fn a_tool_can_be_approved_in_the_configuration() {
    let settings = "[mcp_servers.demo.tools.echo]\napproval_mode = \"approve\"\n";
    let scene = Scene::calling(call("mcp__demo__echo", &json!({"text": "hi"}))).with_mcp(&[demo(
        "demo",
        &[],
        settings,
    )]);
    let mut server = scene.server();
    let thread = asking(&scene, &mut server);
    let messages = server.run_turn(&thread, "go");
    assert_eq!(only(&messages, "mcpToolCall")["status"], "completed");
}

#[test]
fn an_interrupt_takes_a_question_back() {
    let scene = calling([("echo", json!({"text": "hi"}))]);
    let mut server = scene.server();
    let thread = asking(&scene, &mut server);
    let messages = to_question(&mut server, &thread);
    let turn = messages.last().unwrap()["params"]["turnId"].clone();
    server.request("turn/interrupt", json!({"threadId": thread, "turnId": turn}));
    let messages = server.until_turn_completed(&thread);
    assert_eq!(turn_status(&messages), "interrupted");
    assert_eq!(only(&messages, "mcpToolCall")["status"], "failed");
    server.take("serverRequest/resolved");
}

/// A thread whose calls are allowed but whose servers may ask.
fn allowed(scene: &Scene, server: &mut TestServer) -> String {
    let params = json!({"approvalPolicy": "on-request", "sandbox": "danger-full-access"});
    let thread = scene.thread_with(server, params);
    settled(server, &thread, "demo");
    thread
}

#[test]
fn a_server_asks_the_user() {
    for (arguments, mode) in [(json!({}), "form"), (json!({"url": "https://a.example/look"}), "url")] {
        let scene = calling([("ask", arguments)]);
        let mut server = scene.server();
        let thread = allowed(&scene, &mut server);
        let messages = to_question(&mut server, &thread);
        let question = messages.last().unwrap();
        let params = &question["params"];
        assert_eq!((&params["mode"], &params["serverName"]), (&json!(mode), &json!("demo")));
        assert_eq!((&params["threadId"], params["turnId"].is_string()), (&json!(thread), true));
        if mode == "form" {
            assert_eq!(params["requestedSchema"]["properties"]["sure"]["type"], "boolean");
        } else {
            assert_eq!(
                (&params["url"], &params["elicitationId"]),
                (&json!("https://a.example/look"), &json!("e1"))
            );
        }
        server.reply(question, json!({"action": "accept", "content": {"sure": true}}));
        let messages = server.until_turn_completed(&thread);
        assert!(is_resolved(&messages, question));
        let item = only(&messages, "mcpToolCall");
        let answer: Value =
            serde_json::from_str(item["result"]["content"][0]["text"].as_str().unwrap()).unwrap();
        assert_eq!(answer["action"], "accept");
        if mode == "form" {
            assert_eq!(answer["content"], json!({"sure": true}));
        }
    }
}

#[test]
fn the_clock_of_a_call_stands_while_the_user_is_asked() {
    let scene = Scene::calling(call("mcp__demo__ask", &json!({}))).with_mcp(&[demo(
        "demo",
        &["all"],
        "tool_timeout_sec = 0.3",
    )]);
    let mut server = scene.server();
    let thread = allowed(&scene, &mut server);
    let messages = to_question(&mut server, &thread);
    // Longer than the call may take.
    std::thread::sleep(std::time::Duration::from_millis(600));
    server.reply(messages.last().unwrap(), json!({"action": "decline"}));
    let messages = server.until_turn_completed(&thread);
    assert_eq!(only(&messages, "mcpToolCall")["status"], "completed");
}

#[test]
fn what_cannot_be_asked_is_declined() {
    let odd =
        json!({"schema": {"type": "object", "properties": {"a": {"type": "object", "properties": {}}}}});
    let answer = |messages: &[Value]| {
        let item = only(messages, "mcpToolCall");
        let text = item["result"]["content"][0]["text"].as_str().unwrap().to_owned();
        serde_json::from_str::<Value>(&text).unwrap()["action"].clone()
    };
    // A schema that the wire has no words for.
    let scene = calling([("ask", odd)]);
    let mut server = scene.server();
    let thread = allowed(&scene, &mut server);
    assert_eq!(answer(&server.run_turn(&thread, "go")), "decline");
    // A policy without questions.
    let scene = calling([("ask", json!({}))]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    settled(&mut server, &thread, "demo");
    assert_eq!(answer(&server.run_turn(&thread, "go")), "decline");
    // A client that does not know the question.
    let scene = calling([("ask", json!({}))]);
    let mut server = scene.server();
    let thread = allowed(&scene, &mut server);
    let messages = to_question(&mut server, &thread);
    server.reply_error(messages.last().unwrap(), -32601, "what is that?");
    assert_eq!(answer(&server.until_turn_completed(&thread)), "decline");
}

#[test]
fn a_question_within_a_call_of_the_clients_has_no_turn() {
    let scene = Scene::talkative().with_mcp(&[demo("demo", &["all"], "")]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    settled(&mut server, &thread, "demo");
    let id = server
        .start_request("mcpServer/tool/call", json!({"threadId": thread, "server": "demo", "tool": "ask"}));
    let question = server.take(ASKED);
    assert_eq!(
        (&question["params"]["turnId"], &question["params"]["threadId"]),
        (&Value::Null, &json!(thread))
    );
    server.reply(&question, json!({"action": "cancel"}));
    let answer = server.answer(&id);
    let text = answer["result"]["content"][0]["text"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<Value>(text).unwrap()["action"], "cancel");
    server.take_rest();
}
