//! `thread/inject_items`.

use std::fs;

use app_server_test_support::model::usage;
use app_server_test_support::{Answer, Gate, events};
use serde_json::{Value, json};

use super::{UNKNOWN, assert_refused};
use crate::{Scene, outline};

fn message(role: &str, text: &str) -> Value {
    let kind = if role == "assistant" { "output_text" } else { "input_text" };
    json!({"type": "message", "role": role, "content": [{"type": kind, "text": text}]})
}

/// What the model was sent, an item by its text or else its type; context by its first word.
fn input(body: &Value) -> Vec<String> {
    let name = |item: &Value| {
        let text = item["content"][0]["text"].as_str().or(item["type"].as_str()).unwrap();
        text.split_whitespace().next().unwrap().to_owned()
    };
    body["input"].as_array().unwrap().iter().map(name).collect()
}

#[test]
fn an_unknown_thread_is_refused() {
    let mut server = Scene::talkative().server();
    assert_refused(
        &mut server,
        "thread/inject_items",
        json!({"threadId": UNKNOWN, "items": []}),
        &format!("thread not found: {UNKNOWN}"),
    );
}

#[test]
fn injected_items_precede_the_next_message_and_survive_a_restart() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let inject = |items: Value| json!({"threadId": thread, "items": items});
    let call = json!({"type": "function_call", "call_id": "c", "name": "shell", "arguments": "{\"command\":[\"ls\"]}"});
    let output = json!({"type": "function_call_output", "call_id": "c", "output": "listed"});
    let items = json!([message("assistant", "injected"), {"type": "bogus"}, call, output]);
    assert_eq!(server.request("thread/inject_items", inject(items)), json!({}));
    // Nothing was told, and there is no turn.
    let read = server.request("thread/read", json!({"threadId": thread, "includeTurns": true}));
    assert_eq!(read["thread"]["turns"], json!([]));
    server.run_turn(&thread, "one");
    server.request("thread/inject_items", inject(json!([message("user", "between")])));
    server.close();

    let mut server = scene.server();
    let resumed = server.request("thread/resume", json!({"threadId": thread}));
    assert_eq!(resumed["thread"]["turns"].as_array().unwrap().len(), 1);
    assert_eq!(super::texts(&resumed["thread"]["turns"]), ["one", "answer"]);
    server.take("thread/status/changed");
    server.take("thread/tokenUsage/updated");
    server.run_turn(&thread, "two");
    let [first, second] = <[_; 2]>::try_from(scene.model.requests_seen(2)).unwrap();
    let context = ["<permissions", "<environment_context>"];
    let injected = ["injected", "function_call", "function_call_output"];
    assert_eq!(input(&first.body), [&context[..], &injected, &["one"]].concat());
    assert_eq!(
        input(&second.body),
        [&context[..], &injected, &["one", "answer", "between"], &context, &["two"]].concat()
    );
}

#[test]
fn a_wrong_item_refuses_all() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    for (items, text) in [
        (json!([]), "items must not be empty"),
        (json!([message("user", "kept"), 7]), "items[1]: an item must be an object"),
        (json!([{"type": "message", "role": "user"}]), "items[0]: `content` must be an array"),
    ] {
        let params = json!({"threadId": thread, "items": items});
        assert_refused(&mut server, "thread/inject_items", params, text);
    }
    assert!(scene.home.rollouts().unwrap().is_empty());
    server.run_turn(&thread, "one");
    let request = scene.model.requests_seen(1).remove(0);
    assert_eq!(input(&request.body), ["<permissions", "<environment_context>", "one"]);
}

#[test]
fn a_home_that_cannot_be_written_refuses_items() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    // A file in the place of the folder, as permissions do not hold for root.
    fs::write(scene.home.home().join("sessions"), "").unwrap();
    let params = json!({"threadId": thread, "items": [message("user", "lost")]});
    assert_eq!(server.request_error("thread/inject_items", params)["code"], -32603);
}

#[test]
fn items_come_into_a_running_turn() {
    let gate = Gate::new();
    let held = Answer::events([events::created("resp_1")])
        .gate(&gate)
        .and(events::message("msg_1", "begun"))
        .and([events::completed("resp_1", &usage(10, 5))]);
    let scene = Scene::new([held, Answer::message("done")]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    server.start_turn(&thread, "one");
    scene.model.requests_seen(1);
    let params = json!({"threadId": thread, "items": [message("developer", "aside")]});
    assert_eq!(server.request("thread/inject_items", params), json!({}));
    gate.open();
    let messages = server.until_turn_completed(&thread);
    assert!(outline(&messages).iter().all(|line| !line.contains("warning")), "{messages:?}");
    server.run_turn(&thread, "two");
    let request = scene.model.requests_seen(2).remove(1);
    let told = input(&request.body);
    assert!(told.contains(&"aside".to_owned()), "{told:?}");
}
