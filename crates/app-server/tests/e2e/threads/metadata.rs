//! `thread/metadata/update`.

use app_server_test_support::TestServer;
use serde_json::{Value, json};

use super::{UNKNOWN, assert_refused};
use crate::Scene;

fn update(server: &mut TestServer, thread: &str, git: &Value) -> Value {
    let params = json!({"threadId": thread, "gitInfo": git});
    server.request("thread/metadata/update", params)["thread"]["gitInfo"].take()
}

fn listed(server: &mut TestServer, archived: bool) -> Value {
    server.request("thread/list", json!({"archived": archived}))["data"][0]["gitInfo"].take()
}

#[test]
fn an_unknown_thread_is_refused() {
    let mut server = Scene::talkative().server();
    assert_refused(
        &mut server,
        "thread/metadata/update",
        json!({"threadId": UNKNOWN, "gitInfo": {"branch": "topic"}}),
        &format!("no rollout found for thread id {UNKNOWN}"),
    );
}

#[test]
fn an_ephemeral_thread_has_nothing_to_record_in() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = server.start_thread_with(json!({"cwd": scene.home.work(), "ephemeral": true}));
    assert_refused(
        &mut server,
        "thread/metadata/update",
        json!({"threadId": thread, "gitInfo": {"branch": "topic"}}),
        &format!("no rollout found for thread id {thread}"),
    );
}

#[test]
fn there_must_be_something_to_change() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let nothing = "gitInfo must include at least one field";
    for (git, text) in [
        (Value::Null, nothing),
        (json!({}), nothing),
        (json!({"branch": ""}), "gitInfo.branch must not be empty"),
        (json!({"branch": "topic", "sha": " "}), "gitInfo.sha must not be empty"),
        (json!({"originUrl": ""}), "gitInfo.originUrl must not be empty"),
    ] {
        let params = json!({"threadId": thread, "gitInfo": git});
        assert_refused(&mut server, "thread/metadata/update", params, text);
    }
    assert_refused(&mut server, "thread/metadata/update", json!({"threadId": thread}), nothing);
    let read = server.request("thread/read", json!({"threadId": thread}));
    assert_eq!(read["thread"]["gitInfo"], Value::Null);
}

#[test]
fn a_change_holds_wherever_the_thread_is_shown() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    // Before the thread has a file.
    let first = json!({"branch": "topic", "sha": "abc", "originUrl": null});
    assert_eq!(update(&mut server, &thread, &json!({"branch": "topic", "sha": "abc"})), first);
    server.run_turn(&thread, "one");
    assert_eq!(listed(&mut server, false), first);

    // What is absent stays, null clears.
    let second = json!({"branch": "topic", "sha": null, "originUrl": "https://example.org/r.git"});
    let change = json!({"sha": null, "originUrl": "https://example.org/r.git"});
    assert_eq!(update(&mut server, &thread, &change), second);
    server.close();

    let mut server = scene.server();
    assert_eq!(listed(&mut server, false), second);
    let read = server.request("thread/read", json!({"threadId": thread}));
    assert_eq!(read["thread"]["gitInfo"], second);
    let resumed = server.request("thread/resume", json!({"threadId": thread}));
    assert_eq!(resumed["thread"]["gitInfo"], second);
    server.take("thread/status/changed");
    server.take("thread/tokenUsage/updated");

    server.request("thread/archive", json!({"threadId": thread}));
    server.until("thread/archived", |message| message["method"] == "thread/archived");
    let third = json!({"branch": "other", "sha": null, "originUrl": "https://example.org/r.git"});
    assert_eq!(update(&mut server, &thread, &json!({"branch": "other"})), third);
    assert_eq!(listed(&mut server, true), third);
    let unarchived = server.request("thread/unarchive", json!({"threadId": thread}));
    assert_eq!(unarchived["thread"]["gitInfo"], third);
    server.take("thread/unarchived");
    // Stored and not loaded; of a state of which nothing is left there is none.
    assert_eq!(update(&mut server, &thread, &json!({"branch": null, "originUrl": null})), Value::Null);
    assert_eq!(listed(&mut server, false), Value::Null);
}
