//! Storage that is in use elsewhere, full or not writable: a clear error where something cannot be done, and nothing lost
//! of what is there or was told.

use std::fs;
use std::path::Path;

use app_server_test_support::model::usage;
use app_server_test_support::{Answer, Gate, TestServer, events};
use serde_json::{Value, json};

use crate::{BINARY, Scene, answer_text};

fn read(server: &mut TestServer, thread: &str) -> Value {
    server.request("thread/read", json!({"threadId": thread, "includeTurns": true}))["thread"]["turns"].take()
}

/// The items that were told completed, in order.
fn told(messages: &[Value]) -> Vec<Value> {
    let completed = messages.iter().filter(|message| message["method"] == "item/completed");
    completed.map(|message| message["params"]["item"].clone()).collect()
}

fn items(turns: &Value) -> Vec<Value> {
    turns.as_array().unwrap().iter().flat_map(|turn| turn["items"].as_array().unwrap().clone()).collect()
}

/// Runs a turn that may be refused; returns the items that were told.
fn try_turn(server: &mut TestServer, thread: &str, text: &str) -> Vec<Value> {
    let input = json!([{"type": "text", "text": text}]);
    let id = server.start_request("turn/start", json!({"threadId": thread, "input": input}));
    match server.answer(&id).get("error") {
        Some(_) => Vec::new(),
        None => told(&server.until_turn_completed(thread)),
    }
}

#[test]
fn a_thread_that_another_process_has_loaded_is_read_and_never_written() {
    let scene = Scene::talkative();
    let mut first = scene.server();
    let thread = scene.start_thread(&mut first);
    first.run_turn(&thread, "one");
    let file = scene.home.rollouts().unwrap().remove(0);
    let bytes = fs::read(&file).unwrap();

    let mut second = scene.server();
    assert_eq!(read(&mut second, &thread), read(&mut first, &thread));
    let pages = json!({"threadId": thread, "itemsView": "full"});
    assert_eq!(
        second.request("thread/turns/list", pages.clone())["data"],
        first.request("thread/turns/list", pages)["data"]
    );
    let held = format!("thread {thread} already has an active writer");
    for method in ["thread/resume", "thread/archive", "thread/delete"] {
        let error = second.request_error(method, json!({"threadId": thread}));
        assert_eq!((&error["code"], &error["message"]), (&json!(-32600), &json!(held)), "{method}");
    }
    let not_found = format!("thread not found: {thread}");
    for (method, params) in [
        ("turn/start", json!({"threadId": thread, "input": []})),
        ("thread/rollback", json!({"threadId": thread, "numTurns": 1})),
        ("thread/inject_items", json!({"threadId": thread, "items": [{"type": "bogus"}]})),
    ] {
        assert_eq!(second.request_error(method, params)["message"], not_found, "{method}");
    }
    assert_eq!(fs::read(&file).unwrap(), bytes);

    // What the first goes on with, the second sees; and when the first is gone, the second may go on.
    assert_eq!(answer_text(&first.run_turn(&thread, "two")), "answer");
    assert_eq!(items(&read(&mut second, &thread)).len(), 4);
    first.close();
    second.request("thread/resume", json!({"threadId": thread}));
    second.take("thread/tokenUsage/updated");
    second.run_turn(&thread, "three");
    let mut third = scene.server();
    assert_eq!(third.request_error("thread/resume", json!({"threadId": thread}))["message"], held);
    assert_eq!(items(&read(&mut third, &thread)).len(), 6);
}

#[test]
fn of_processes_that_resume_a_thread_at_once_one_gets_it() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    server.run_turn(&thread, "one");
    server.close();
    let held = format!("thread {thread} already has an active writer");
    for _ in 0..4 {
        let mut servers: Vec<TestServer> = (0..4).map(|_| scene.server()).collect();
        let params = json!({"threadId": thread, "excludeTurns": true});
        let mut ids = Vec::new();
        for server in &mut servers {
            ids.push(server.start_request("thread/resume", params.clone()));
        }
        let answers: Vec<Value> =
            servers.iter_mut().zip(&ids).map(|(server, id)| server.answer(id)).collect();
        let errors = answers.iter().filter_map(|answer| answer.get("error"));
        let refused: Vec<&str> = errors.map(|error| error["message"].as_str().unwrap()).collect();
        assert_eq!(refused, [held.as_str(); 3]);
        for server in &mut servers {
            server.close();
        }
    }
}

/// Lets a process write files of so many bytes, or of any size, as a disk does that is full and then is not.
#[cfg(target_os = "linux")]
fn limit_files(process: u32, bytes: Option<u64>) {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};
    let process = Pid::from_raw(i32::try_from(process).unwrap()).unwrap();
    let maximum = rustix::process::getrlimit(Resource::Fsize).maximum;
    prlimit(Some(process), Resource::Fsize, Rlimit { current: bytes, maximum }).unwrap();
}

/// A program that is told that a file cannot grow, instead of being killed for it.
#[cfg(target_os = "linux")]
fn told_of_limits(scene: &Scene) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let program = scene.home.base().join("server");
    fs::write(&program, format!("#!/bin/sh\ntrap '' XFSZ\nexec '{BINARY}'\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    program
}

#[cfg(target_os = "linux")]
#[test]
fn what_a_full_disk_did_not_take_is_written_once_there_is_room() {
    let scene = Scene::talkative();
    let mut server = TestServer::initialized(told_of_limits(&scene), &scene.home);
    let process = server.connection().process_id();
    let thread = scene.start_thread(&mut server);
    let mut told = told(&server.run_turn(&thread, "one"));
    let file = scene.home.rollouts().unwrap().remove(0);
    let full = fs::read(&file).unwrap();
    let size = u64::try_from(full.len()).unwrap();
    // The first line that does not fit is cut in the middle, at another place each time.
    for (round, room) in [0, 1, 100, 700].into_iter().enumerate() {
        let size_before = fs::metadata(&file).unwrap().len();
        limit_files(process, Some(size_before + room));
        told.extend(try_turn(&mut server, &thread, &format!("full {round}")));
        assert!(fs::metadata(&file).unwrap().len() <= size_before + room);
        // What is there can be read meanwhile.
        let kept = items(&read(&mut server, &thread));
        assert_eq!(kept[..], told[..kept.len()]);
        limit_files(process, None);
        told.extend(try_turn(&mut server, &thread, &format!("room {round}")));
        assert_eq!(items(&read(&mut server, &thread)), told);
    }
    server.close();
    assert!(fs::read(&file).unwrap().starts_with(&full));
    assert!(fs::metadata(&file).unwrap().len() > size);

    let mut server = scene.server();
    assert_eq!(items(&read(&mut server, &thread)), told);
    server.request("thread/resume", json!({"threadId": thread}));
    server.take("thread/tokenUsage/updated");
    told.extend(try_turn(&mut server, &thread, "last"));
    assert_eq!(items(&read(&mut server, &thread)), told);
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_fills_up_within_a_turn_is_told_of_once() {
    let gates = [Gate::new(), Gate::new()];
    let held = |gate: &Gate| {
        Answer::events([events::created("resp_1")]).gate(gate).and(
            [events::message("msg_1", "answer"), vec![events::completed("resp_1", &usage(1, 1))]].concat(),
        )
    };
    let scene = Scene::new([held(&gates[0]), Answer::message("room"), held(&gates[1])]);
    let mut server = TestServer::initialized(told_of_limits(&scene), &scene.home);
    let process = server.connection().process_id();
    let thread = scene.start_thread(&mut server);
    let warnings = |messages: &[Value]| {
        let warnings = messages.iter().filter(|message| message["method"] == "warning");
        warnings.map(|message| message["params"].clone()).collect::<Vec<_>>()
    };
    for (round, gate) in gates.iter().enumerate() {
        server.start_turn(&thread, "go");
        scene.model.gate_reached(gate);
        let file = scene.home.rollouts().unwrap().remove(0);
        limit_files(process, Some(fs::metadata(&file).unwrap().len()));
        gate.open();
        let told = warnings(&server.until_turn_completed(&thread));
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0]["threadId"], thread.as_str());
        let message = told[0]["message"].as_str().unwrap();
        assert!(message.starts_with("The thread cannot be saved: "), "{message}");
        limit_files(process, None);
        if round == 0 {
            assert_eq!(warnings(&server.run_turn(&thread, "more")), Vec::<Value>::new());
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_written_to_a_full_disk_is_refused_and_changes_nothing() {
    let scene = Scene::talkative();
    let mut server = TestServer::initialized(told_of_limits(&scene), &scene.home);
    let process = server.connection().process_id();
    let thread = scene.start_thread(&mut server);
    server.run_turn(&thread, "one");
    server.run_turn(&thread, "two");
    let turns = read(&mut server, &thread);
    let file = scene.home.rollouts().unwrap().remove(0);
    limit_files(process, Some(fs::metadata(&file).unwrap().len()));
    let words =
        json!([{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "more"}]}]);
    for (method, params) in [
        ("thread/fork", json!({"threadId": thread})),
        ("thread/inject_items", json!({"threadId": thread, "items": words})),
        ("thread/rollback", json!({"threadId": thread, "numTurns": 1})),
    ] {
        let error = server.request_error(method, params);
        assert_eq!(error["code"], -32603, "{method}: {error}");
        assert_eq!(read(&mut server, &thread), turns, "{method}");
    }
    assert_eq!(scene.home.rollouts().unwrap(), [file]);
    limit_files(process, None);
    server.run_turn(&thread, "three");
    let all = read(&mut server, &thread);
    assert_eq!(all.as_array().unwrap()[..2], turns.as_array().unwrap()[..]);
    assert_eq!(items(&all).len(), 6);
    server.take_rest();
    server.close();
    let mut server = scene.server();
    assert_eq!(read(&mut server, &thread), all);
}

/// Puts a file where a folder should be, or a folder where a file should be: whoever runs the tests, that cannot be written.
fn spoil(path: &Path) {
    if path.is_dir() {
        fs::remove_dir_all(path).unwrap();
        fs::write(path, "").unwrap();
    } else {
        if path.exists() {
            fs::remove_file(path).unwrap();
        }
        fs::create_dir(path).unwrap();
    }
}

#[test]
fn without_the_folder_of_locks_threads_are_read_and_not_written() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    server.run_turn(&thread, "one");
    let turns = read(&mut server, &thread);
    server.close();
    let locks = scene.home.home().join("thread-writer-locks");
    let file = scene.home.rollouts().unwrap().remove(0);
    let bytes = fs::read(&file).unwrap();
    spoil(&locks);

    let mut server = scene.server();
    assert_eq!(read(&mut server, &thread), turns);
    assert_eq!(server.request("thread/list", json!({}))["data"][0]["id"], thread.as_str());
    for (method, params) in [
        ("thread/start", json!({"cwd": scene.home.work()})),
        ("thread/resume", json!({"threadId": thread})),
        ("thread/fork", json!({"threadId": thread})),
        ("thread/archive", json!({"threadId": thread})),
        ("thread/delete", json!({"threadId": thread})),
    ] {
        let error = server.request_error(method, params);
        assert_eq!(error["code"], -32603, "{method}: {error}");
        assert!(error["message"].as_str().unwrap().contains("cannot lock thread"), "{method}: {error}");
    }
    assert_eq!(server.request("thread/loaded/list", json!({}))["data"], json!([]));
    assert_eq!(scene.home.rollouts().unwrap(), [file.as_path()]);
    assert_eq!(fs::read(&file).unwrap(), bytes);
    // Once there is a folder again, all goes on, in the same process.
    fs::remove_file(&locks).unwrap();
    server.request("thread/resume", json!({"threadId": thread}));
    server.take("thread/tokenUsage/updated");
    assert_eq!(answer_text(&server.run_turn(&thread, "two")), "answer");
}

#[test]
fn without_a_place_for_its_file_a_thread_loses_nothing_that_was_told() {
    let scene = Scene::talkative();
    let sessions = scene.home.home().join("sessions");
    fs::write(&sessions, "").unwrap();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let mut told = try_turn(&mut server, &thread, "one");
    let error = server.request_error("thread/archive", json!({"threadId": thread}));
    assert_eq!(error["code"], -32603, "{error}");
    fs::remove_file(&sessions).unwrap();
    told.extend(try_turn(&mut server, &thread, "two"));
    assert_eq!(items(&read(&mut server, &thread)), told);
    server.take_rest();
    server.close();
    let mut server = scene.server();
    assert_eq!(items(&read(&mut server, &thread)), told);
}

#[test]
fn names_and_metadata_that_cannot_be_stored_are_refused() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    server.run_turn(&thread, "one");
    spoil(&scene.home.home().join("session_index.jsonl"));
    spoil(&scene.home.home().join("thread_metadata.jsonl"));
    for (method, params) in [
        ("thread/name/set", json!({"threadId": thread, "name": "a name"})),
        ("thread/metadata/update", json!({"threadId": thread, "gitInfo": {"branch": "b"}})),
    ] {
        let error = server.request_error(method, params);
        assert_eq!(error["code"], -32603, "{method}: {error}");
    }
    let read = server.request("thread/read", json!({"threadId": thread}));
    assert_eq!((&read["thread"]["name"], &read["thread"]["gitInfo"]), (&Value::Null, &Value::Null));
    assert_eq!(server.request("thread/list", json!({}))["data"][0]["name"], Value::Null);
    assert_eq!(answer_text(&server.run_turn(&thread, "two")), "answer");
}

#[test]
fn without_a_cache_lists_are_the_same() {
    let scene = Scene::talkative();
    fs::write(scene.home.home().join("app-server"), "").unwrap();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    server.run_turn(&thread, "one");
    assert_eq!(server.request("thread/list", json!({}))["data"][0]["id"], thread.as_str());
    server.close();
    let mut server = scene.server();
    assert_eq!(server.request("thread/list", json!({}))["data"][0]["id"], thread.as_str());
}
