//! `thread/rollback` and `thread/revert`.

use std::fs;
use std::path::PathBuf;

use app_server_test_support::model::usage;
use app_server_test_support::{Answer, Gate, TestServer, events};
use serde_json::{Value, json};

use super::{UNKNOWN, assert_refused, texts};
use crate::{Scene, outline, turn_status};

#[test]
fn an_unknown_thread_is_refused() {
    let mut server = Scene::talkative().server();
    assert_refused(
        &mut server,
        "thread/rollback",
        json!({"threadId": UNKNOWN, "numTurns": 1}),
        &format!("thread not found: {UNKNOWN}"),
    );
    assert_refused(
        &mut server,
        "thread/revert",
        json!({"threadId": UNKNOWN, "beforeTurnId": "turn"}),
        &format!("thread not found: {UNKNOWN}"),
    );
}

#[test]
fn no_turn_to_drop_is_refused_before_the_thread_is_looked_for() {
    let mut server = Scene::talkative().server();
    let params = json!({"threadId": UNKNOWN, "numTurns": 0});
    assert_refused(&mut server, "thread/rollback", params, "numTurns must be >= 1");
    let error = server.request_error("thread/rollback", json!({"threadId": "none", "numTurns": 0}));
    assert!(error["message"].as_str().unwrap().starts_with("invalid thread id: "), "{error}");
}

/// Drops the last turns and returns the ids of those that are left.
fn rollback(server: &mut TestServer, thread: &str, turns: u32) -> Vec<String> {
    let result = server.request("thread/rollback", json!({"threadId": thread, "numTurns": turns}));
    ids(&result["thread"]["turns"])
}

fn ids(turns: &Value) -> Vec<String> {
    turns.as_array().unwrap().iter().map(|turn| turn["id"].as_str().unwrap().to_owned()).collect()
}

/// The turns as they are read, by what was said in them.
fn read(server: &mut TestServer, thread: &str) -> Value {
    server.request("thread/read", json!({"threadId": thread, "includeTurns": true}))["thread"]["turns"].take()
}

/// Runs a turn and returns its id.
fn turn(server: &mut TestServer, thread: &str, text: &str) -> String {
    let id = server.start_turn(thread, text);
    server.until_turn_completed(thread);
    id
}

/// An answer that has begun and waits at the gate with the rest.
fn held(gate: &Gate) -> Answer {
    let content = json!([{"type": "output_text", "text": "held"}]);
    let message = json!({"type": "message", "role": "assistant", "id": "msg_held", "content": content});
    Answer::events([events::created("resp_held")])
        .gate(gate)
        .and([events::item_done(&message), events::completed("resp_held", &usage(10, 5))])
}

/// Whether the text is not of the conversation but about its surroundings.
fn is_context(text: &str) -> bool {
    ["<permissions", "<environment_context", "# AGENTS.md"]
        .iter()
        .any(|beginning| text.starts_with(beginning))
}

/// All texts of the last request to the model.
fn prompt(scene: &Scene) -> Vec<String> {
    let request = scene.model.model().requests().pop().unwrap();
    let items = request.body["input"].as_array().unwrap();
    items.iter().map(|item| item["content"][0]["text"].as_str().unwrap_or_default().to_owned()).collect()
}

/// What the last request to the model had of the conversation.
fn told(scene: &Scene) -> Vec<String> {
    prompt(scene).into_iter().filter(|text| !is_context(text)).collect()
}

/// In a new process the model is told the same before the next words.
#[track_caller]
fn assert_same_after_restart(scene: &Scene, server: &mut TestServer, thread: &str) -> TestServer {
    turn(server, thread, "probe");
    let live = told(scene);
    let left = read(server, thread).as_array().unwrap().len() - 1;
    assert_eq!(rollback(server, thread, 1).len(), left);
    let turns = read(server, thread);
    server.close();
    let mut server = scene.server();
    assert_eq!(read(&mut server, thread), turns);
    let resumed = server.request("thread/resume", json!({"threadId": thread}));
    assert_eq!(resumed["thread"]["turns"], turns);
    turn(&mut server, thread, "probe");
    assert_eq!(told(scene), live);
    server
}

#[test]
fn a_rollback_drops_the_last_turns() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let turns = ["one", "two", "three"].map(|text| turn(&mut server, &thread, text));
    let before = read(&mut server, &thread);
    let id = server.start_request("thread/rollback", json!({"threadId": thread, "numTurns": 1}));
    let usage = server.take_where("the first of what follows", |_| true);
    assert_eq!(usage["method"], "thread/tokenUsage/updated");
    assert_eq!(usage["params"]["turnId"], turns[1].as_str());
    let usage = &usage["params"]["tokenUsage"];
    assert_eq!(usage["total"]["totalTokens"], 45);
    assert_eq!(usage["last"]["inputTokens"], 0);
    let estimate = usage["last"]["totalTokens"].as_i64().unwrap();
    assert!((100..10_000).contains(&estimate), "{usage}");
    let answer = server.answer(&id);
    let answered = &answer["result"]["thread"]["turns"];
    assert_eq!(answered.as_array().unwrap()[..], before.as_array().unwrap()[..2]);
    assert_eq!(&read(&mut server, &thread), answered);

    turn(&mut server, &thread, "after");
    let prompt = prompt(&scene);
    assert_eq!(prompt.iter().filter(|text| text.starts_with("<environment_context")).count(), 1);
    assert_eq!(told(&scene), ["one", "answer", "two", "answer", "after"]);
    assert_same_after_restart(&scene, &mut server, &thread);
}

#[test]
fn usage_after_a_restart_is_the_one_told_last() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    for text in ["one", "two"] {
        turn(&mut server, &thread, text);
    }
    rollback(&mut server, &thread, 1);
    let told = server.take("thread/tokenUsage/updated")["params"].take();
    server.close();
    let mut server = scene.server();
    server.request("thread/resume", json!({"threadId": thread}));
    assert_eq!(server.take("thread/tokenUsage/updated")["params"], told);
    server.take("thread/status/changed");
}

#[test]
fn more_than_there_are_drops_all_and_the_model_is_told_anew() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    assert!(rollback(&mut server, &thread, 3).is_empty());
    for text in ["one", "two"] {
        turn(&mut server, &thread, text);
    }
    assert!(rollback(&mut server, &thread, 99).is_empty());
    assert!(rollback(&mut server, &thread, 1).is_empty());
    server.take("thread/tokenUsage/updated");
    let only = turn(&mut server, &thread, "three");
    let prompt = prompt(&scene);
    assert_eq!(told(&scene), ["three"]);
    assert_eq!(prompt.iter().filter(|text| text.starts_with("<environment_context")).count(), 1);
    assert_eq!(ids(&read(&mut server, &thread)), [only]);
    assert_same_after_restart(&scene, &mut server, &thread);
}

#[test]
fn turns_are_counted_whatever_is_in_them() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let first = turn(&mut server, &thread, "one");
    server.request("thread/shellCommand", json!({"threadId": thread, "command": "echo of-the-user"}));
    server.until_turn_completed(&thread);
    turn(&mut server, &thread, "two");
    assert_eq!(rollback(&mut server, &thread, 2), [first]);
    turn(&mut server, &thread, "three");
    assert_eq!(told(&scene), ["one", "answer", "three"]);
    assert_same_after_restart(&scene, &mut server, &thread);
}

#[test]
fn a_steered_turn_goes_with_all_that_was_said() {
    let gate = Gate::new();
    let others = std::iter::repeat_with(|| Answer::message("answer")).take(4);
    let scene = Scene::new([Answer::message("answer"), held(&gate)].into_iter().chain(others));
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let first = turn(&mut server, &thread, "one");
    let steered = server.start_turn(&thread, "two");
    scene.model.gate_reached(&gate);
    let input = json!([{"type": "text", "text": "and more"}]);
    server.request("turn/steer", json!({"threadId": thread, "expectedTurnId": steered, "input": input}));
    gate.open();
    server.until_turn_completed(&thread);
    assert_eq!(rollback(&mut server, &thread, 1), [first]);
    // Other programs drop as many messages of the user.
    let path = scene.home.rollouts().unwrap().remove(0);
    let text = fs::read_to_string(&path).unwrap();
    let mut records = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let record = records.find(|record| record["payload"]["type"] == "thread_rolled_back").unwrap();
    assert_eq!(record["payload"]["num_turns"], 2);
    turn(&mut server, &thread, "three");
    assert_eq!(told(&scene), ["one", "answer", "three"]);
    assert_same_after_restart(&scene, &mut server, &thread);
}

#[test]
fn a_rollback_across_a_compaction_takes_it_back() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let first = turn(&mut server, &thread, "one");
    turn(&mut server, &thread, "two");
    server.close();
    let path = scene.home.rollouts().unwrap().remove(0);
    let payload = json!({"message": "the summary"});
    let line = json!({"timestamp": "2026-03-01T09:00:00.000Z", "type": "compacted", "payload": payload});
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{text}{line}\n")).unwrap();

    let mut server = scene.server();
    server.request("thread/resume", json!({"threadId": thread}));
    turn(&mut server, &thread, "three");
    assert_eq!(told(&scene), ["one", "two", "the summary", "three"]);
    assert_eq!(rollback(&mut server, &thread, 2), [first]);
    turn(&mut server, &thread, "four");
    assert_eq!(told(&scene), ["one", "answer", "four"]);
    assert_same_after_restart(&scene, &mut server, &thread);
}

#[test]
fn a_running_turn_is_not_rolled_back() {
    let gate = Gate::new();
    let scene = Scene::new([Answer::message("answer"), held(&gate)]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    turn(&mut server, &thread, "one");
    server.start_turn(&thread, "two");
    scene.model.gate_reached(&gate);
    let error = server.request_error("thread/rollback", json!({"threadId": thread, "numTurns": 1}));
    assert_eq!(error["code"], -32600);
    assert_eq!(error["message"], "cannot roll back while a turn is in progress");
    assert_eq!(error["data"], json!({"codexErrorInfo": "threadRollbackFailed"}));
    gate.open();
    server.until_turn_completed(&thread);
    assert_eq!(texts(&read(&mut server, &thread)), ["one", "answer", "two", "held"]);
}

#[test]
fn settings_told_in_a_dropped_turn_are_told_again() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    turn(&mut server, &thread, "one");
    let input = json!([{"type": "text", "text": "two"}]);
    let params = json!({"threadId": thread, "input": input, "approvalPolicy": "untrusted"});
    server.request("turn/start", params);
    server.until_turn_completed(&thread);
    rollback(&mut server, &thread, 1);
    turn(&mut server, &thread, "three");
    let prompt = prompt(&scene);
    let permissions = prompt.iter().rfind(|text| text.starts_with("<permissions")).unwrap();
    assert!(permissions.contains("untrusted"), "{permissions}");
    assert_eq!(told(&scene), ["one", "answer", "three"]);
}

#[test]
fn an_ephemeral_thread_forgets_in_memory() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = server.start_thread_with(json!({"ephemeral": true, "cwd": scene.home.work()}));
    turn(&mut server, &thread, "one");
    turn(&mut server, &thread, "two");
    assert!(rollback(&mut server, &thread, 1).is_empty());
    let third = turn(&mut server, &thread, "three");
    assert_eq!(told(&scene), ["one", "answer", "three"]);
    let unknown = json!({"threadId": thread, "beforeTurnId": "none"});
    assert_refused(&mut server, "thread/revert", unknown, "turn not found: none");
    server.request("thread/revert", json!({"threadId": thread, "beforeTurnId": third}));
    server.take("thread/reverted");
    turn(&mut server, &thread, "four");
    assert_eq!(told(&scene), ["one", "answer", "four"]);
    rollback(&mut server, &thread, 9);
    turn(&mut server, &thread, "five");
    assert_eq!(told(&scene), ["five"]);
    assert!(scene.home.rollouts().unwrap().is_empty());
}

#[test]
fn a_revert_drops_a_turn_and_all_after_it() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let turns = ["one", "two", "three"].map(|text| turn(&mut server, &thread, text));
    let unknown = json!({"threadId": thread, "beforeTurnId": "none"});
    assert_refused(&mut server, "thread/revert", unknown, "turn not found: none");
    let params = json!({"threadId": thread, "beforeTurnId": turns[1]});
    server.start_request("thread/revert", params);
    let messages = server.until("thread/reverted", |message| message["method"] == "thread/reverted");
    assert_eq!(
        outline(&messages),
        ["thread/status/changed notLoaded", "thread/status/changed idle", "answer", "thread/reverted"]
    );
    let result = &messages[2]["result"];
    assert_eq!(
        (&result["thread"]["turns"], &result["thread"]["status"]["type"]),
        (&json!([]), &json!("idle"))
    );
    assert_eq!(messages[3]["params"], json!({"threadId": thread}));
    assert_eq!(ids(&read(&mut server, &thread)), turns[..1]);
    turn(&mut server, &thread, "four");
    assert_eq!(told(&scene), ["one", "answer", "four"]);
    assert_same_after_restart(&scene, &mut server, &thread);
}

#[test]
fn a_revert_interrupts_the_running_turn() {
    let gate = Gate::new();
    let scene = Scene::new([Answer::message("answer"), held(&gate), Answer::message("new")]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    turn(&mut server, &thread, "one");
    let running = server.start_turn(&thread, "two");
    scene.model.gate_reached(&gate);
    let unknown = json!({"threadId": thread, "beforeTurnId": "none"});
    assert_refused(&mut server, "thread/revert", unknown, "turn not found: none");
    server.start_request("thread/revert", json!({"threadId": thread, "beforeTurnId": running}));
    let messages = server.until_turn_completed(&thread);
    assert_eq!(turn_status(&messages), "interrupted");
    server.until("thread/reverted", |message| message["method"] == "thread/reverted");
    gate.open();
    assert_eq!(texts(&read(&mut server, &thread)), ["one", "answer"]);
    turn(&mut server, &thread, "three");
    assert_eq!(told(&scene), ["one", "answer", "three"]);
}

/// Puts a rollout of another program into the home.
fn put(scene: &Scene, id: &str, text: &str) -> PathBuf {
    let folder = scene.home.home().join("sessions/2026/03/01");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(format!("rollout-2026-03-01T09-00-00-{id}.jsonl"));
    let text = text.replace(r#""/w""#, &json!(scene.home.work()).to_string());
    fs::write(&path, text.replace(r#""model_provider":"offline""#, r#""model_provider":"mock""#)).unwrap();
    path
}

#[test]
fn turns_that_the_file_does_not_name_are_dropped() {
    let scene = Scene::talkative();
    let id = "01950000-0000-7000-8000-000000000001";
    put(&scene, id, include_str!("../../../../app-server-core/src/item/files/january.jsonl"));
    let mut server = scene.server();
    let resumed = server.request("thread/resume", json!({"threadId": id}));
    let turns = resumed["thread"]["turns"].as_array().unwrap();
    let (last, left) = turns.split_last().unwrap();
    assert!(last["id"].as_str().unwrap().starts_with("turn-") && !left.is_empty());
    let own = turn(&mut server, id, "new");
    let after = told(&scene);
    let params = json!({"threadId": id, "beforeTurnId": last["id"]});
    server.request("thread/revert", params);
    server.take("thread/reverted");
    assert_eq!(read(&mut server, id), json!(left));
    assert_ne!(turn(&mut server, id, "again"), own);
    let told = told(&scene);
    assert!(told.len() < after.len() && after.starts_with(&told[..told.len() - 1]), "{told:?} {after:?}");
    assert_same_after_restart(&scene, &mut server, id);
}

#[test]
fn turns_of_a_paginated_thread_are_dropped_by_a_numbered_record() {
    let scene = Scene::talkative();
    let id = "01950000-0000-7000-8000-000000000004";
    let text = include_str!("../../../../app-server-core/src/item/files/paginated.jsonl");
    let path = put(&scene, id, text);
    let before = fs::read_to_string(&path).unwrap();
    let mut server = scene.server();
    let resumed = server.request("thread/resume", json!({"threadId": id}));
    server.take("thread/tokenUsage/updated");
    let turns = resumed["thread"]["turns"].as_array().unwrap().clone();
    server.run_turn(id, "one more");
    let both = server.request("thread/rollback", json!({"threadId": id, "numTurns": 2}));
    assert_eq!(both["thread"]["turns"].as_array().unwrap()[..], turns[..turns.len() - 1]);
    server.request("thread/revert", json!({"threadId": id, "beforeTurnId": turns[0]["id"]}));
    server.take_rest();
    assert_same_after_restart(&scene, &mut server, id);

    let after = fs::read_to_string(&path).unwrap();
    assert!(after.starts_with(&before), "the file is only added to");
    let ordinals =
        after.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()?["ordinal"].as_u64());
    let ordinals: Vec<u64> = ordinals.collect();
    assert!(ordinals.windows(2).all(|pair| pair[0] < pair[1]), "{ordinals:?}");
    // Two by this test, one by the comparison.
    assert_eq!(after.matches(r#""type":"thread_rolled_back""#).count(), 3);
}
