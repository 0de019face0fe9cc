//! No descendant of a command outlives its turn or the server, however it hides and however the turn or the server ends.

use std::time::{Duration, Instant};

use app_server_test_support::processes::{Sleeper, zombies_of};
use app_server_test_support::{Answer, TestServer};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::calls::{LIMIT, call, only};
use crate::{Scene, turn_status};

/// How soon after the end of the turn or the server everything must be gone.
const SOON: Duration = Duration::from_millis(500);

/// A script that leaves three processes of every kind that could be forgotten, and goes on itself: four sleepers.
fn hiding(sleeper: &Sleeper) -> String {
    let sleep = sleeper.command();
    format!(
        "{sleep} & nohup {sleep} >/dev/null 2>&1 & \
         setsid sh -c 'setsid {sleep} </dev/null >/dev/null 2>&1 & exit 0' & echo begun; {sleep}"
    )
}

/// The ways to run the script.
fn ways(script: &str) -> [Answer; 3] {
    [
        call("shell_command", &json!({"command": script, "timeout_ms": 600_000})),
        call("exec_command", &json!({"cmd": script, "yield_time_ms": 30_000})),
        call("exec_command", &json!({"cmd": script, "yield_time_ms": 30_000, "tty": true})),
    ]
}

/// For every way to run the script, with and without a sandbox: starts the turn, waits until all four sleep, and ends it
/// all.
fn ended_by(end: impl Fn(&Scene, &mut TestServer, &str, &str)) {
    for sandbox in ["danger-full-access", "workspace-write"] {
        for way in 0..3 {
            let sleeper = Sleeper::new();
            let [pipe, session, terminal] = ways(&hiding(&sleeper));
            let scene = Scene::calling([pipe, session, terminal].into_iter().nth(way).unwrap());
            let mut server = scene.server();
            let thread = scene.thread_with(&mut server, json!({"sandbox": sandbox}));
            let turn = server.start_turn(&thread, "run");
            let running = sleeper.wait_running(4, LIMIT);
            assert!(running.is_ok(), "{sandbox}, way {way}: {running:?} sleep");
            end(&scene, &mut server, &thread, &turn);
            let left = sleeper.wait_running(0, SOON);
            assert!(left.is_ok(), "{sandbox}, way {way}: {left:?} survived");
        }
    }
}

#[test]
fn an_interrupt_ends_the_command() {
    ended_by(|_, server, thread, turn| {
        let start = Instant::now();
        server.request("turn/interrupt", json!({"threadId": thread, "turnId": turn}));
        let messages = server.until_turn_completed(thread);
        assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
        assert_eq!(turn_status(&messages), "interrupted");
        let item = only(&messages, "commandExecution");
        assert_eq!((&item["id"], &item["status"]), (&json!("call_1"), &json!("failed")));
        let no_zombies = || zombies_of(server.connection().process_id()).is_empty();
        wait_until(no_zombies, "an ended child was not waited for");
    });
}

#[test]
fn an_interrupted_command_is_told_of() {
    let sleeper = Sleeper::new();
    let answers = [call("shell_command", &json!({"command": sleeper.command()})), Answer::message("again")];
    let scene = Scene::new(answers);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let turn = server.start_turn(&thread, "run");
    sleeper.wait_running(1, LIMIT).unwrap();
    server.request("turn/interrupt", json!({"threadId": thread, "turnId": turn}));
    server.until_turn_completed(&thread);
    server.run_turn(&thread, "again");
    let told = scene.told();
    assert_eq!(crate::calls::timeless(&told), "Wall time: S seconds\naborted by user");
    let body = scene.model.requests_seen(2).remove(1).body;
    assert!(body.to_string().contains("<turn_aborted>"), "{body}");
}

/// What a command leaves behind ends with its turn, unless it is a session the model was told of.
#[test]
fn the_end_of_the_turn_ends_what_was_left_behind() {
    let sleeper = Sleeper::new();
    let sleep = sleeper.command();
    let script = format!("{sleep} & setsid sh -c '{sleep} </dev/null >/dev/null 2>&1 & exit 0' & echo begun");
    for answer in ways(&script) {
        let scene = Scene::calling(answer);
        let mut server = scene.server();
        let thread = scene.start_thread(&mut server);
        let messages = server.run_turn(&thread, "run");
        assert_eq!(turn_status(&messages), "completed");
        sleeper.wait_running(0, SOON).unwrap();
        wait_until(|| zombies_of(server.connection().process_id()).is_empty(), "zombies are left");
    }
}

#[test]
fn a_session_outlives_its_turn_and_ends_with_the_server() {
    let sleeper = Sleeper::new();
    let scene =
        Scene::calling(call("exec_command", &json!({"cmd": sleeper.command(), "yield_time_ms": 250})));
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    server.run_turn(&thread, "run");
    assert!(scene.told().contains("running with session ID"));
    assert_eq!(sleeper.running().len(), 1);
    server.close();
    sleeper.wait_running(0, SOON).unwrap();
}

#[test]
fn the_end_of_the_input_ends_the_command() {
    ended_by(|_, server, _, _| {
        server.connection().close_input();
        server.expect_exit();
        server.take_rest();
    });
}

#[test]
fn a_signal_ends_the_command() {
    ended_by(|_, server, _, _| {
        server.connection().terminate().unwrap();
        server.connection().wait_exit(LIMIT).unwrap();
        server.take_rest();
        server.without_checks();
    });
}

#[test]
fn the_death_of_the_server_ends_the_command() {
    ended_by(|_, server, _, _| {
        server.connection().kill().unwrap();
        server.connection().wait_exit(LIMIT).unwrap();
        server.take_rest();
        server.without_checks();
    });
}

#[test]
fn an_open_question_ends_with_the_turn() {
    let scene = Scene::new([crate::calls::shell("touch made"), Answer::message("done")]);
    let mut server = scene.server();
    let thread = scene.asking_thread(&mut server);
    let turn = server.start_turn(&thread, "run");
    let request = crate::calls::until_asked(&mut server);
    server.request("turn/interrupt", json!({"threadId": thread, "turnId": turn}));
    let messages = server.until_turn_completed(&thread);
    assert_eq!(turn_status(&messages), "interrupted");
    let is_resolved = |message: &Value| message["method"] == "serverRequest/resolved";
    let resolved = match messages.iter().find(|message| is_resolved(message)) {
        Some(message) => message.clone(),
        None => server.take("serverRequest/resolved"),
    };
    assert_eq!(resolved["params"]["requestId"], request["id"]);
    // Nobody waits for this any more.
    server.reply(&request, json!({"decision": "accept"}));
    assert_eq!(turn_status(&server.run_turn(&thread, "again")), "completed");
    assert!(!scene.home.work().join("made").exists());
}

fn wait_until(mut is_so: impl FnMut() -> bool, otherwise: &str) {
    let deadline = Instant::now() + SOON;
    while !is_so() {
        assert!(Instant::now() < deadline, "{otherwise}");
        std::thread::yield_now();
    }
}
