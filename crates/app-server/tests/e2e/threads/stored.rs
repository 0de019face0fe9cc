//! What is on disk when a turn has been answered, and what a disk that takes nothing does.

use std::fs;

use app_server_test_support::{Answer, Gate, TestServer, events};
use serde_json::json;

use super::texts;
use crate::{BINARY, Scene, answer_text};

#[test]
fn a_turn_that_was_answered_is_there_after_a_kill() {
    let held = Answer::events([events::created("resp_1")]).gate(&Gate::new());
    let scene = Scene::new([held, Answer::message("answer")]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let turn = server.start_turn(&thread, "one");
    server.connection().kill().unwrap();
    server.without_checks();

    let mut server = scene.server();
    let read = server.request("thread/read", json!({"threadId": thread, "includeTurns": true}));
    let turns = &read["thread"]["turns"];
    assert_eq!((&turns[0]["id"], &turns[0]["status"]), (&json!(turn), &json!("interrupted")));
    server.request("thread/resume", json!({"threadId": thread}));
    server.take("thread/status/changed");
    drop(server);
}

#[test]
fn a_home_that_cannot_be_written_refuses_turns() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let input = json!([{"type": "text", "text": "one"}]);
    // A file in the place of the folder, as permissions do not hold for root.
    let folder = scene.home.home().join("sessions");
    fs::write(&folder, "").unwrap();
    let params = json!({"threadId": thread, "input": input, "model": "another"});
    assert_eq!(server.request_error("turn/start", params)["code"], -32603);
    let read = server.request("thread/read", json!({"threadId": thread}));
    assert_eq!(read["thread"]["status"]["type"], "idle");
    assert_eq!(read["thread"]["model"], "mock-model");
    fs::remove_file(&folder).unwrap();
    assert_eq!(answer_text(&server.run_turn(&thread, "one")), "answer");
    server.close();

    let mut server = scene.server();
    let read = server.request("thread/read", json!({"threadId": thread, "includeTurns": true}));
    assert_eq!(read["thread"]["turns"].as_array().unwrap().len(), 1);
    assert_eq!(texts(&read["thread"]["turns"]), ["one", "answer"]);
    assert_eq!(scene.model.requests_seen(1).len(), 1);
}

/// The limit on the size of files is the nearest to a full disk that needs no rights.
#[cfg(unix)]
#[test]
fn a_full_disk_refuses_turns_and_loses_none() {
    use std::os::unix::fs::PermissionsExt as _;

    let scene = Scene::talkative();
    let launcher = scene.home.base().join("limited");
    fs::write(&launcher, format!("#!/bin/bash\ntrap '' XFSZ\nulimit -f 64\nexec {BINARY}\n")).unwrap();
    fs::set_permissions(&launcher, fs::Permissions::from_mode(0o755)).unwrap();
    let mut server = TestServer::initialized(&launcher, &scene.home);
    let thread = scene.start_thread(&mut server);
    server.run_turn(&thread, "one");
    // More than fits: the turn goes on without the disk.
    assert_eq!(answer_text(&server.run_turn(&thread, &"long ".repeat(20_000))), "answer");
    let params = json!({"threadId": thread, "input": [{"type": "text", "text": "three"}]});
    assert_eq!(server.request_error("turn/start", params)["code"], -32603);
    let read = server.request("thread/read", json!({"threadId": thread, "includeTurns": true}));
    assert_eq!(read["thread"]["status"]["type"], "idle");
    assert_eq!(texts(&read["thread"]["turns"])[..2], ["one", "answer"]);
    server.close();

    // With room again, the thread goes on from what is there.
    let mut server = scene.server();
    let resumed = server.request("thread/resume", json!({"threadId": thread}));
    assert_eq!(texts(&resumed["thread"]["turns"])[..2], ["one", "answer"]);
    assert_eq!(answer_text(&server.run_turn(&thread, "four")), "answer");
    server.take_rest();
}
