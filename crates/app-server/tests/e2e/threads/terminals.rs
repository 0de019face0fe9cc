//! Sessions that run on beside their turn, as clients see them.

use std::time::Duration;

use app_server_test_support::processes::Sleeper;
use app_server_test_support::{Answer, TestServer};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::Scene;
use crate::calls::call;

/// A thread in which the model has opened so many sessions that sleep.
fn sleeping(scene: &Scene, server: &mut TestServer, count: usize) -> String {
    let thread = scene.start_thread(server);
    for _ in 0..count {
        server.run_turn(&thread, "sleep");
    }
    thread
}

fn scene(sleeper: &Sleeper, count: usize) -> Scene {
    let answer = || {
        [
            call("exec_command", &json!({"cmd": sleeper.command(), "yield_time_ms": 250})),
            Answer::message("done"),
        ]
    };
    Scene::new((0..count).flat_map(|_| answer()))
}

#[test]
fn sessions_that_run_are_listed_and_ended_one_by_one() {
    let sleeper = Sleeper::new();
    let scene = scene(&sleeper, 2);
    let mut server = scene.server();
    let thread = sleeping(&scene, &mut server, 2);
    let list = json!({"threadId": thread});
    let listed = server.request("thread/backgroundTerminals/list", list.clone());
    let terminals = listed["data"].as_array().unwrap();
    assert_eq!(terminals.len(), 2, "{listed}");
    assert!(terminals.iter().all(|terminal| terminal["command"] == sleeper.command().as_str()));
    let first = &terminals[0]["processId"];
    let end = json!({"threadId": thread, "processId": first});
    let ended = server.request("thread/backgroundTerminals/terminate", end.clone());
    assert_eq!(ended["terminated"], true, "{ended}");
    let again = server.request("thread/backgroundTerminals/terminate", end);
    assert_eq!(again["terminated"], false, "{again}");
    let left = server.request("thread/backgroundTerminals/list", list);
    assert_eq!(left["data"].as_array().unwrap().len(), 1);
    assert_eq!(sleeper.running().len(), 1);
    // The other one ends with the session.
    server.close();
}

#[test]
fn all_sessions_are_ended_at_once() {
    let sleeper = Sleeper::new();
    let scene = scene(&sleeper, 2);
    let mut server = scene.server();
    let thread = sleeping(&scene, &mut server, 2);
    server.request("thread/backgroundTerminals/clean", json!({"threadId": thread}));
    sleeper.wait_running(0, Duration::from_millis(500)).unwrap();
    let left = server.request("thread/backgroundTerminals/list", json!({"threadId": thread}));
    assert_eq!(left["data"], Value::Array(Vec::new()));
    server.take_rest();
}
