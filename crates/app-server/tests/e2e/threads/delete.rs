//! `thread/delete`.

use std::fs;
use std::path::PathBuf;

use app_server_test_support::{Answer, Gate, events};
use serde_json::{Value, json};

use super::{UNKNOWN, assert_refused};
use crate::{Scene, outline};

const CHILD: &str = "0199a213-81c0-7800-8aa1-bbab2a035a01";
const GRANDCHILD: &str = "0199a213-81c0-7800-8aa1-bbab2a035a02";

/// Makes up the thread of an agent.
fn add_agent(scene: &Scene, id: &str, parent: &str, source: &Value) -> PathBuf {
    let folder = scene.home.home().join("sessions/2026/01/05");
    fs::create_dir_all(&folder).unwrap();
    let mut meta = json!({
        "id": id, "timestamp": "2026-01-05T10:00:00.000Z", "cwd": scene.home.work(), "originator": "test",
        "cli_version": "0.0.0", "source": source,
    });
    if source.is_string() {
        meta["parent_thread_id"] = json!(parent);
    }
    let time = "2026-01-05T10:00:00.000Z";
    let lines = [
        json!({"timestamp": time, "type": "session_meta", "payload": meta}),
        json!({"timestamp": time, "type": "event_msg", "payload": {"type": "user_message", "message": "work"}}),
    ];
    let path = folder.join(format!("rollout-2026-01-05T10-00-00-{id}.jsonl"));
    fs::write(&path, lines.map(|line| format!("{line}\n")).concat()).unwrap();
    path
}

#[test]
fn an_unknown_thread_is_refused() {
    let mut server = Scene::talkative().server();
    assert_refused(
        &mut server,
        "thread/delete",
        json!({"threadId": UNKNOWN}),
        &format!("no rollout found for thread id {UNKNOWN}"),
    );
}

#[test]
fn an_ephemeral_thread_is_refused() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = server.start_thread_with(json!({"cwd": scene.home.work(), "ephemeral": true}));
    let text = format!("no rollout found for thread id {thread}");
    assert_refused(&mut server, "thread/delete", json!({"threadId": thread}), &text);
    server.run_turn(&thread, "still there");
}

#[test]
fn a_loaded_thread_is_unloaded_and_gone() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    server.run_turn(&thread, "one");
    let id = server.start_request("thread/delete", json!({"threadId": thread}));
    let messages = server.until("thread/deleted", |message| message["method"] == "thread/deleted");
    assert_eq!(outline(&messages), ["thread/status/changed notLoaded", "answer", "thread/deleted"]);
    assert_eq!((&messages[1]["id"], &messages[1]["result"]), (&id, &json!({})));
    assert_eq!(messages[2]["params"], json!({"threadId": thread}));

    assert!(scene.home.rollouts().unwrap().is_empty());
    assert_eq!(server.request("thread/list", json!({}))["data"], json!([]));
    assert_eq!(server.request("thread/loaded/list", json!({}))["data"], json!([]));
    let read = server.request_error("thread/read", json!({"threadId": thread}));
    assert_eq!(read["message"], format!("thread not loaded: {thread}"));
    let text = format!("no rollout found for thread id {thread}");
    assert_refused(&mut server, "thread/delete", json!({"threadId": thread}), &text);
}

#[test]
fn a_running_turn_ends_first() {
    let gate = Gate::new();
    let scene = Scene::new([Answer::events([events::created("resp_1")]).gate(&gate)]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    server.start_turn(&thread, "one");
    scene.model.gate_reached(&gate);
    server.start_request("thread/delete", json!({"threadId": thread}));
    let messages = server.until("thread/deleted", |message| message["method"] == "thread/deleted");
    let ended = messages.iter().find(|message| message["method"] == "turn/completed").unwrap();
    assert_eq!(ended["params"]["turn"]["status"], "interrupted");
    let told = outline(&messages);
    assert_eq!(told[told.len() - 3..], ["thread/status/changed notLoaded", "answer", "thread/deleted"]);
    assert!(scene.home.rollouts().unwrap().is_empty());
}

#[test]
fn threads_without_a_turn_stored_and_archived_ones_go_too() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let new = scene.start_thread(&mut server);
    server.request("thread/delete", json!({"threadId": new}));
    server.take("thread/status/changed");
    server.take("thread/deleted");

    let threads = [(); 2].map(|()| {
        let thread = scene.start_thread(&mut server);
        server.run_turn(&thread, "one");
        thread
    });
    server.request("thread/archive", json!({"threadId": threads[1]}));
    server.until("thread/archived", |message| message["method"] == "thread/archived");
    server.close();

    let mut server = scene.server();
    for thread in &threads {
        assert_eq!(server.request("thread/delete", json!({"threadId": thread})), json!({}));
        assert_eq!(server.take("thread/deleted")["params"]["threadId"], thread.as_str());
    }
    assert_eq!(server.request("thread/list", json!({"archived": true}))["data"], json!([]));
    assert!(scene.home.rollouts().unwrap().is_empty());
}

#[test]
fn the_threads_of_agents_go_with_it() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    server.run_turn(&thread, "one");
    let other = scene.start_thread(&mut server);
    server.run_turn(&other, "two");
    // As today's reference names the parent, and as the one before it.
    let child = add_agent(&scene, CHILD, &thread, &json!("vscode"));
    let spawn = json!({"subagent": {"thread_spawn": {"parent_thread_id": CHILD, "depth": 2}}});
    let grandchild = add_agent(&scene, GRANDCHILD, CHILD, &spawn);

    assert_eq!(server.request("thread/delete", json!({"threadId": thread})), json!({}));
    server.take("thread/status/changed");
    for gone in [thread.as_str(), CHILD, GRANDCHILD] {
        assert_eq!(server.take("thread/deleted")["params"]["threadId"], gone);
    }
    assert!(!child.exists() && !grandchild.exists());
    assert_eq!(server.request("thread/list", json!({}))["data"][0]["id"], other.as_str());
    assert_eq!(scene.home.rollouts().unwrap().len(), 1);
}

#[test]
fn a_thread_another_process_writes_is_kept() {
    let scene = Scene::talkative();
    let mut first = scene.server();
    let thread = scene.start_thread(&mut first);
    first.run_turn(&thread, "one");
    let mut second = scene.server();
    let text = format!("thread {thread} already has an active writer");
    assert_refused(&mut second, "thread/delete", json!({"threadId": thread}), &text);
    first.run_turn(&thread, "two");
}
