//! What the server tells of itself on stderr, and that it does nothing while nobody asks.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use app_server_test_support::{Answer, TestServer};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::calls::shell;
use crate::{BINARY, Scene};

const SECRET: &str = "tok-Abcdef0123456789";

/// Runs a turn with a command and returns what was logged.
fn logged(env: &[(&str, &str)]) -> (String, String) {
    let scene = Scene::new([shell("echo hello"), Answer::message("done")]);
    let mut server = TestServer::start_in(BINARY, &scene.home, env);
    server.initialize(json!({"experimentalApi": true}));
    let thread = scene.start_thread(&mut server);
    server.run_turn(&thread, "run");
    server.request("thread/list", json!({}));
    server.close();
    (server.connection().stderr(), thread)
}

#[test]
fn ordinary_work_is_silent() {
    assert_eq!(logged(&[]).0, "");
    assert_eq!(logged(&[("LOG_FORMAT", "json")]).0, "");
    // A filter that is none is replaced by the ordinary one.
    assert_eq!(logged(&[("RUST_LOG", "app_server=much")]).0, "");
}

#[test]
fn the_log_says_which_request_turn_and_tool_a_line_is_about() {
    let (text, thread) = logged(&[("RUST_LOG", "app_server=debug,app_server_core=debug")]);
    let request = |method: &str| format!("method={method}");
    assert!(text.lines().any(|line| line.contains(&request("thread/start"))), "{text}");
    assert!(text.lines().any(|line| line.contains("turn{") && line.contains(&thread)), "{text}");
    assert!(text.lines().any(|line| line.contains("tool{") && line.contains("call_1")), "{text}");
    // Nothing but what was asked for.
    assert!(text.lines().all(|line| line.contains(" DEBUG ") || line.contains(" INFO ")), "{text}");
}

#[test]
fn the_log_can_be_read_by_programs() {
    let (text, thread) =
        logged(&[("RUST_LOG", "app_server=debug,app_server_core=debug"), ("LOG_FORMAT", "json")]);
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let spans = |line: &Value, name: &str| {
        let spans = line["spans"].as_array().cloned().unwrap_or_default();
        spans.into_iter().find(|span| span["name"] == name)
    };
    assert!(lines.iter().all(|line| line["level"].is_string() && line["timestamp"].is_string()));
    let requests: Vec<Value> = lines.iter().filter_map(|line| spans(line, "request")).collect();
    assert!(requests.iter().any(|span| span["method"] == "turn/start" && span["id"] == "2"), "{requests:?}");
    let turn = lines.iter().find_map(|line| spans(line, "turn")).unwrap();
    assert_eq!(turn["thread"], thread.as_str());
    let tool = lines.iter().find_map(|line| spans(line, "tool")).unwrap();
    assert_eq!(tool["call"], "call_1");
    // A call is within its turn.
    let within = lines.iter().find(|line| spans(line, "tool").is_some()).unwrap();
    assert!(spans(within, "turn").is_some(), "{within}");
}

#[test]
fn no_secret_is_logged() {
    let scene = Scene::talkative();
    for format in ["json", "text"] {
        let env = [("MY_API_TOKEN", SECRET), ("RUST_LOG", "trace"), ("LOG_FORMAT", format)];
        let mut server = TestServer::start_in(BINARY, &scene.home, &env);
        server.initialize(json!({"experimentalApi": true}));
        server.notify(&format!("odd/{SECRET}"), json!({}));
        let thread = scene.start_thread(&mut server);
        server.run_turn(&thread, &format!("my key is {SECRET}"));
        server.close();
        let text = server.connection().stderr();
        assert!(text.contains("odd/[secret]"), "{format}");
        assert!(!text.contains(SECRET), "{format}");
    }
}

/// A client that closes its end of stderr, while as much is logged as can be.
#[test]
fn nobody_needs_to_read_the_log() {
    let scene = Scene::talkative();
    let mut child = Command::new(BINARY)
        .env_clear()
        .env("CODEX_HOME", scene.home.home())
        .env("RUST_LOG", "trace")
        .current_dir(scene.home.work())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stderr.take());
    let mut stdin = child.stdin.take().unwrap();
    let client = json!({"name": "probe", "version": "1"});
    writeln!(stdin, "{}", json!({"id": 0, "method": "initialize", "params": {"clientInfo": client}}))
        .unwrap();
    for id in 1..=500 {
        writeln!(stdin, "{}", json!({"id": id, "method": "thread/loaded/list", "params": {}})).unwrap();
    }
    drop(stdin);
    let answers = BufReader::new(child.stdout.take().unwrap()).lines().count();
    assert_eq!(answers, 501);
    assert!(child.wait().unwrap().success());
}

/// How often all threads of the process have been woken up, and what it has had written to disk.
#[cfg(target_os = "linux")]
fn work_done(process: u32) -> (u64, u64) {
    let number = |text: &str, name: &str| -> u64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().parse().unwrap()
    };
    let mut switches = 0;
    for task in fs::read_dir(format!("/proc/{process}/task")).unwrap() {
        // A thread that has just ended is no work.
        let Ok(text) = fs::read_to_string(task.unwrap().path().join("status")) else { continue };
        switches += number(&text, "voluntary_ctxt_switches:");
    }
    let io = fs::read_to_string(format!("/proc/{process}/io")).unwrap();
    (switches, number(&io, "write_bytes:"))
}

/// Loaded threads, a process that runs, a finished turn: nothing of it wakes the server up.
#[cfg(target_os = "linux")]
#[test]
fn a_server_that_is_asked_nothing_does_nothing() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    for _ in 0..5 {
        let thread = scene.start_thread(&mut server);
        server.run_turn(&thread, "hello");
    }
    let spawn = json!({"command": ["sleep", "600"], "processHandle": "h", "cwd": scene.home.work()});
    server.request("process/spawn", spawn);
    let process = server.connection().process_id();
    // What was begun comes to its end: connections, threads for work that blocks.
    let mut before = work_done(process);
    for _ in 0..100 {
        std::thread::sleep(Duration::from_millis(200));
        let now = work_done(process);
        if now == before {
            break;
        }
        before = now;
    }
    // Time is what is measured here.
    std::thread::sleep(Duration::from_secs(2));
    let (switches, written) = work_done(process);
    assert_eq!(written, before.1, "something was written");
    let woken = switches.saturating_sub(before.0);
    assert!(woken <= 8, "woken up {woken} times in two seconds");
    server.take_rest();
    server.close();
}
