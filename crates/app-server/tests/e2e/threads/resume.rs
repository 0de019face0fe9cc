//! `thread/resume`.

use serde_json::json;

use super::{UNKNOWN, assert_refused, texts};
use crate::Scene;

#[test]
fn a_loaded_thread_can_be_resumed_again() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    server.run_turn(&thread, "one");
    let resumed = server.request("thread/resume", json!({"threadId": thread}));
    assert_eq!(texts(&resumed["thread"]["turns"]), ["one", "answer"]);
    server.take("thread/tokenUsage/updated");
    assert_eq!(server.request("thread/loaded/list", json!({}))["data"], json!([thread]));
}

#[test]
fn an_unknown_thread_is_refused() {
    let mut server = Scene::talkative().server();
    let expected = format!("no rollout found for thread id {UNKNOWN}");
    assert_refused(&mut server, "thread/resume", json!({"threadId": UNKNOWN}), &expected);
}
