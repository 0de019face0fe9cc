//! Threads between their turns: resuming, reading, archiving, and a file for each thing more that can be asked of one.

mod adjust;
mod compact;
mod cut;
mod delete;
mod fork;
mod goal;
mod inject;
mod kept;
mod metadata;
mod pages;
mod pictures;
mod raw_events;
mod resume;
mod review;
mod search;
mod sections;
mod settings;
mod stored;
#[cfg(target_os = "linux")]
mod terminals;
mod unsubscribe;

use app_server_test_support::TestServer;
use serde_json::{Value, json};

use crate::{Scene, answer_text};

/// The id of a thread that is nowhere.
const UNKNOWN: &str = "0199a213-81c0-7800-8aa1-bbab2a035a53";

/// The request is refused as invalid with this text.
fn assert_refused(server: &mut TestServer, method: &str, params: Value, text: &str) {
    let error = server.request_error(method, params);
    assert_eq!((&error["code"], &error["message"]), (&json!(-32600), &json!(text)), "{method}");
}

fn texts(turns: &Value) -> Vec<String> {
    let items = turns.as_array().unwrap().iter().flat_map(|turn| turn["items"].as_array().unwrap());
    items
        .filter_map(|item| {
            item["text"].as_str().or_else(|| item["content"][0]["text"].as_str()).map(str::to_owned)
        })
        .collect()
}

#[test]
fn a_thread_goes_on_after_a_restart() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let first = server.start_turn(&thread, "one");
    server.until_turn_completed(&thread);
    server.close();

    let mut server = scene.server();
    let read = server.request("thread/read", json!({"threadId": thread, "includeTurns": true}));
    assert_eq!(texts(&read["thread"]["turns"]), ["one", "answer"]);
    assert_eq!(server.request_error("turn/start", json!({"threadId": thread, "input": []}))["code"], -32600);
    let resumed = server.request("thread/resume", json!({"threadId": thread}));
    assert_eq!(resumed["thread"]["turns"], read["thread"]["turns"]);
    assert_eq!(resumed["thread"]["turns"][0]["id"], first.as_str());
    assert_eq!(resumed["thread"]["status"], json!({"type": "idle"}));
    assert_eq!(server.take("thread/tokenUsage/updated")["params"]["turnId"], first.as_str());
    assert_eq!(answer_text(&server.run_turn(&thread, "two")), "answer");
    let read = server.request("thread/read", json!({"threadId": thread, "includeTurns": true}));
    assert_eq!(texts(&read["thread"]["turns"]), ["one", "answer", "two", "answer"]);
}

#[test]
fn an_archived_thread_comes_back() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    server.run_turn(&thread, "one");
    server.request("thread/archive", json!({"threadId": thread}));
    server.until("thread/archived", |message| message["method"] == "thread/archived");
    assert!(scene.home.rollouts().unwrap().is_empty());
    assert_eq!(server.request_error("thread/resume", json!({"threadId": thread}))["code"], -32600);
    server.request("thread/unarchive", json!({"threadId": thread}));
    server.take("thread/unarchived");
    server.request("thread/resume", json!({"threadId": thread}));
    assert_eq!(answer_text(&server.run_turn(&thread, "two")), "answer");
}
