//! Tools of MCP servers that a model calls.

use std::fs;

use app_server_test_support::{Answer, TestServer, events};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::calls::{CODEX_MODEL, call, only};
use crate::mcp::{demo, settled};
use crate::{Scene, turn_status};

/// The name the model knows a tool of the server by.
fn name(tool: &str) -> String {
    format!("mcp__demo__{tool}")
}

/// A model that makes one call of the server's and says `done`.
#[allow(clippy::needless_pass_by_value, reason = "`json!` makes values")]
fn calling(tool: &str, arguments: Value, settings: &str) -> Scene {
    Scene::calling(call(&name(tool), &arguments)).with_mcp(&[demo("demo", &["all"], settings)])
}

/// Runs a turn on a new thread, whose server has started or failed to.
fn run(scene: &Scene) -> (TestServer, Vec<Value>) {
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    settled(&mut server, &thread, "demo");
    let messages = server.run_turn(&thread, "go");
    (server, messages)
}

fn names(body: &Value) -> Vec<&str> {
    body["tools"].as_array().unwrap().iter().filter_map(|tool| tool["name"].as_str()).collect()
}

#[test]
fn the_model_is_offered_the_tools_that_are_wanted() {
    let tables = [
        demo(
            "demo",
            &["all"],
            "enabled_tools = [\"echo\", \"boom\", \"dot.name!\"]\ndisabled_tools = [\"boom\"]",
        ),
        demo(
            "a-rather-long-name-of-a-server-that-somebody-has-chosen",
            &[],
            "enabled_tools = [\"echo\", \"boom\"]",
        ),
    ];
    let scene = Scene::new([Answer::message("done")]).with_mcp(&tables);
    let (mut server, messages) = run(&scene);
    server.close();
    assert_eq!(turn_status(&messages), "completed");
    let body = scene.model.requests_seen(1).remove(0).body;
    let of_servers: Vec<&str> = names(&body).into_iter().filter(|name| name.starts_with("mcp__")).collect();
    // Two names that are too long, in the order of their hashes.
    assert!(
        of_servers[..2].iter().all(|name| name.starts_with("mcp__a-rather-long-name-") && name.len() == 64)
    );
    assert_eq!(of_servers[2..], ["mcp__demo__dot_name_", "mcp__demo__echo"]);
    let echo =
        body["tools"].as_array().unwrap().iter().find(|tool| tool["name"] == "mcp__demo__echo").unwrap();
    let parameters =
        json!({"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]});
    let expected = json!({
        "type": "function",
        "name": "mcp__demo__echo",
        "description": "demo echo tool",
        "strict": false,
        "parameters": parameters,
    });
    assert_eq!(*echo, expected);
    for tool in ["list_mcp_resources", "list_mcp_resource_templates", "read_mcp_resource"] {
        assert!(names(&body).contains(&tool), "{tool}");
    }
}

#[test]
fn a_call_is_an_item_and_its_result_is_told() {
    let scene = calling("echo", json!({"text": "hi"}), "");
    let (_server, messages) = run(&scene);
    let started = messages.iter().find(|message| {
        message["method"] == "item/started" && message["params"]["item"]["type"] == "mcpToolCall"
    });
    let begun = &started.unwrap()["params"]["item"];
    assert_eq!((&begun["id"], &begun["status"]), (&json!("call_1"), &json!("inProgress")));
    let item = only(&messages, "mcpToolCall");
    assert_eq!((&item["server"], &item["tool"]), (&json!("demo"), &json!("echo")));
    assert_eq!((&item["status"], &item["error"]), (&json!("completed"), &Value::Null));
    assert_eq!(item["arguments"], json!({"text": "hi"}));
    assert_eq!(item["result"]["content"][0]["text"], "echo: hi");
    assert_eq!(item["result"]["structuredContent"], json!({"ok": true}));
    assert!(item["durationMs"].is_i64());
    assert_eq!(scene.told(), r#"{"ok":true}"#);
}

#[test]
fn a_tool_that_fails_has_a_result() {
    let scene = calling("boom", json!({}), "");
    let (_server, messages) = run(&scene);
    let item = only(&messages, "mcpToolCall");
    assert_eq!((&item["status"], &item["error"]), (&json!("failed"), &Value::Null));
    assert_eq!(item["result"]["content"][0]["text"], "it broke");
    let told: Value = serde_json::from_str(&scene.told()).unwrap();
    assert_eq!(told, json!([{"type": "text", "text": "it broke"}]));
}

#[test]
fn a_tool_is_also_known_by_its_namespace() {
    let mut grouped = events::function_call("call_1", "echo", &json!({"text": "hi"}));
    for event in grouped.iter_mut().filter(|event| event["item"].is_object()) {
        event["item"]["namespace"] = json!("mcp__demo");
    }
    let scene = Scene::calling(Answer::response([grouped])).with_mcp(&[demo("demo", &[], "")]);
    let (_server, messages) = run(&scene);
    assert_eq!(only(&messages, "mcpToolCall")["status"], "completed");
    assert_eq!(scene.told(), r#"{"ok":true}"#);
}

#[test]
fn what_is_not_offered_is_not_called() {
    for (tool, settings) in [("nothing", ""), ("boom", "disabled_tools = [\"boom\"]")] {
        let scene = calling(tool, json!({}), settings);
        let (_server, messages) = run(&scene);
        assert_eq!(turn_status(&messages), "completed");
        assert_eq!(scene.told(), format!("unsupported call: mcp__demo__{tool}"));
    }
    let scene = calling("echo", json!(["hi"]), "");
    run(&scene);
    assert!(scene.told().starts_with("failed to parse function arguments: "), "{}", scene.told());
}

#[test]
fn progress_is_told_between_start_and_end() {
    let scene = calling("progress", json!({"steps": 3}), "");
    let (_server, messages) = run(&scene);
    let progress: Vec<&Value> =
        messages.iter().filter(|message| message["method"] == "item/mcpToolCall/progress").collect();
    let told: Vec<&str> =
        progress.iter().map(|message| message["params"]["message"].as_str().unwrap()).collect();
    assert_eq!(told, ["step 1", "2/3", "step 3"]);
    assert!(progress.iter().all(|message| message["params"]["itemId"] == "call_1"));
    let place = |method: &str| {
        messages.iter().rposition(|message| {
            message["method"] == method && message["params"]["item"]["type"] != "agentMessage"
        })
    };
    assert!(place("item/mcpToolCall/progress") < place("item/completed"));
}

#[test]
fn a_call_that_takes_too_long_fails_and_the_turn_goes_on() {
    let scene = calling("hang", json!({}), "tool_timeout_sec = 0.2");
    let (_server, messages) = run(&scene);
    assert_eq!(turn_status(&messages), "completed");
    let item = only(&messages, "mcpToolCall");
    assert_eq!((&item["status"], &item["result"]), (&json!("failed"), &Value::Null));
    assert_eq!(item["error"]["message"], "timed out awaiting tools/call after 0.2s");
    assert_eq!(scene.told(), "tool call error: timed out awaiting tools/call after 0.2s");
}

#[test]
fn an_interrupt_ends_a_call() {
    let scene = calling("hang", json!({}), "");
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    settled(&mut server, &thread, "demo");
    let turn = server.start_turn(&thread, "go");
    let mut messages = server.until("the call", |message| message["params"]["item"]["type"] == "mcpToolCall");
    server.request("turn/interrupt", json!({"threadId": thread, "turnId": turn}));
    messages.extend(server.until_turn_completed(&thread));
    assert_eq!(turn_status(&messages), "interrupted");
    let item = only(&messages, "mcpToolCall");
    assert_eq!(item["status"], "failed");
    assert_eq!(item["error"]["message"], "the turn was interrupted");
}

#[test]
fn a_crash_fails_its_call_and_the_next_one_works() {
    let scene = Scene::new([
        call(&name("crash"), &json!({"code": 5})),
        Answer::response([events::function_call("call_2", &name("echo"), &json!({"text": "again"}))]),
        Answer::message("done"),
    ])
    .with_mcp(&[demo("demo", &["all"], "")]);
    let (_server, messages) = run(&scene);
    assert_eq!(turn_status(&messages), "completed");
    let items = crate::calls::completed(&messages, "mcpToolCall");
    let error = "the server ended with exit code 5; its last words:\nabout to crash";
    assert_eq!(items[0]["error"]["message"], error);
    assert_eq!(items[1]["status"], "completed");
    assert_eq!(scene.told(), format!("tool call error: {error}"));
}

#[test]
fn images_reach_the_model_as_images() {
    let scene = calling("picture", json!({}), "");
    let mut server = scene.server();
    let thread = scene.thread_with(&mut server, json!({"model": CODEX_MODEL}));
    settled(&mut server, &thread, "demo");
    let messages = server.run_turn(&thread, "go");
    assert_eq!(only(&messages, "mcpToolCall")["result"]["content"][1]["type"], "image");
    let body = scene.model.requests_seen(2).remove(1).body;
    let output = app_server_test_support::tool_output(&body, "call_1");
    assert_eq!(output[0], json!({"type": "input_text", "text": "a pixel"}));
    let image = &output[1];
    assert_eq!(image["type"], "input_image");
    assert!(image["image_url"].as_str().unwrap().starts_with("data:image/png;base64,iVBORw0KGgo"), "{image}");
}

#[test]
fn content_of_an_unknown_kind_is_handed_on() {
    let scene = calling("hologram", json!({}), "");
    let (_server, messages) = run(&scene);
    assert_eq!(only(&messages, "mcpToolCall")["status"], "completed");
    let told: Value = serde_json::from_str(&scene.told()).unwrap();
    assert_eq!(told, json!([{"type": "hologram", "depth": 3}]));
}

#[test]
fn the_model_reads_a_large_result_shortened() {
    let scene = calling("big", json!({"bytes": 400_000}), "");
    let (_server, messages) = run(&scene);
    let item = only(&messages, "mcpToolCall");
    assert_eq!(item["result"]["content"][0]["text"].as_str().unwrap().len(), 400_000);
    let told = scene.told();
    assert!(told.len() < 100_000 && told.contains("truncated"), "{}", told.len());
}

/// The first turn waits for a server; with what it offered the last time, nothing waits.
#[test]
fn the_first_turn_waits_for_a_slow_server_once() {
    let scene = Scene::talkative();
    let ready = scene.home.base().join("ready");
    let scene = scene.with_mcp(&[demo("demo", &[&format!("ready-when={}", ready.display())], "")]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    server.start_turn(&thread, "go");
    server.take_where("the user's message", |message| message["params"]["item"]["type"] == "userMessage");
    assert_eq!(scene.model.model().requests().len(), 0);
    fs::write(&ready, "").unwrap();
    server.until_turn_completed(&thread);
    assert!(names(&scene.model.requests_seen(1)[0].body).contains(&"mcp__demo__echo"));
    server.close();

    fs::remove_file(&ready).unwrap();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    server.run_turn(&thread, "go");
    assert!(names(&scene.model.requests_seen(2)[1].body).contains(&"mcp__demo__echo"));
    fs::write(&ready, "").unwrap();
    server.close();
}

#[test]
fn the_waiting_for_servers_can_be_interrupted() {
    let scene = Scene::talkative();
    let never = scene.home.base().join("never");
    let scene = scene.with_mcp(&[demo("demo", &[&format!("ready-when={}", never.display())], "")]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let turn = server.start_turn(&thread, "go");
    server.take_where("the user's message", |message| message["params"]["item"]["type"] == "userMessage");
    server.request("turn/interrupt", json!({"threadId": thread, "turnId": turn}));
    assert_eq!(turn_status(&server.until_turn_completed(&thread)), "interrupted");
    assert_eq!(scene.model.model().requests().len(), 0);
    server.close();
}

#[test]
fn a_turn_does_not_begin_without_a_server_that_is_required() {
    let scene = Scene::talkative().with_mcp(&[demo("demo", &["die=4"], "required = true")]);
    let (_server, messages) = run(&scene);
    assert_eq!(turn_status(&messages), "failed");
    let error = &messages.last().unwrap()["params"]["turn"]["error"];
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("`demo` failed to start") && message.contains("exit code 4"), "{message}");
}

#[test]
fn a_tool_that_comes_later_is_offered_with_the_next_turn() {
    let scene = Scene::new([
        call(&name("add"), &json!({"name": "fresh"})),
        Answer::message("done"),
        Answer::message("done"),
    ])
    .with_mcp(&[demo("demo", &["all"], "")]);
    let (mut server, messages) = run(&scene);
    let thread = messages[0]["params"]["threadId"].as_str().unwrap().to_owned();
    // The list is asked for beside the turn: it is there when the server has answered once more.
    loop {
        let list = server.request("mcpServerStatus/list", json!({"threadId": thread}));
        if list["data"][0]["tools"].get("fresh").is_some() {
            break;
        }
    }
    server.run_turn(&thread, "again");
    assert!(names(&scene.model.requests_seen(3)[2].body).contains(&"mcp__demo__fresh"));
    server.take_rest();
}

#[test]
fn resources_are_listed_and_read() {
    let scene = Scene::new([
        call("list_mcp_resources", &json!({})),
        Answer::response([events::function_call(
            "call_2",
            "read_mcp_resource",
            &json!({"server": "demo", "uri": "demo://a"}),
        )]),
        Answer::response([events::function_call(
            "call_3",
            "read_mcp_resource",
            &json!({"server": "nope", "uri": "demo://a"}),
        )]),
        Answer::response([events::function_call(
            "call_4",
            "list_mcp_resource_templates",
            &json!({"server": "demo"}),
        )]),
        Answer::message("done"),
    ])
    .with_mcp(&[demo("demo", &[], "")]);
    let (_server, messages) = run(&scene);
    let items = crate::calls::completed(&messages, "mcpToolCall");
    let servers: Vec<&Value> = items.iter().map(|item| &item["server"]).collect();
    assert_eq!(servers, ["codex", "demo", "nope", "demo"]);
    assert_eq!(items[2]["error"]["message"], "unknown MCP server 'nope'");
    let told = |id: &str, request| serde_json::from_str::<Value>(&scene.told_of(id, request)).unwrap();
    assert_eq!(
        told("call_1", 1),
        json!({"resources": [{"uri": "demo://a", "name": "a", "mimeType": "text/plain", "server": "demo"}]})
    );
    assert_eq!(told("call_2", 2)["contents"][0]["text"], "resource body");
    assert_eq!(scene.told_of("call_3", 3), "tool call error: unknown MCP server 'nope'");
    assert_eq!(told("call_4", 4), json!({"server": "demo", "resourceTemplates": []}));
}

/// Servers nobody has configured are not spoken of.
#[test]
fn nothing_is_offered_without_servers() {
    let scene = Scene::new([Answer::message("done")]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    server.run_turn(&thread, "go");
    let body = scene.model.requests_seen(1).remove(0).body;
    assert!(!names(&body).iter().any(|name| name.contains("mcp")), "{body}");
}
