//! `thread/fork`.

use std::fs;

use app_server_test_support::model::usage;
use app_server_test_support::{Answer, Gate, TestServer, events};
use serde_json::{Value, json};

use super::{UNKNOWN, assert_refused, texts};
use crate::{Scene, answer_text, outline};

/// Forks and takes what follows the answer: usage if there is any, and the start. Returns the answer.
fn fork(server: &mut TestServer, params: Value) -> Value {
    let forked = server.request("thread/fork", params);
    let started = server.until("the fork's start", |message| message["method"] == "thread/started").pop();
    let mut thread = forked["thread"].clone();
    thread["turns"] = json!([]);
    assert_eq!(started.unwrap()["params"]["thread"], thread);
    forked
}

fn id(forked: &Value) -> &str {
    forked["thread"]["id"].as_str().unwrap()
}

/// What the user and the assistant said, as the model was told by this request.
fn told(scene: &Scene, request: usize) -> Vec<String> {
    let body = scene.model.requests_seen(request).remove(request - 1).body;
    let items = body["input"].as_array().unwrap().iter();
    let texts = items.flat_map(|item| item["content"].as_array().cloned().unwrap_or_default());
    texts
        .filter_map(|content| content["text"].as_str().map(str::to_owned))
        .filter(|text| !text.starts_with(['<', '#']))
        .collect()
}

fn listed(server: &mut TestServer) -> Vec<String> {
    let page = server.request("thread/list", json!({}));
    let ids = page["data"].as_array().unwrap().iter().map(|thread| thread["id"].as_str().unwrap().to_owned());
    ids.collect()
}

#[test]
fn both_go_on_from_what_they_share() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    server.run_turn(&thread, "one");
    let last = server.start_turn(&thread, "two");
    server.until_turn_completed(&thread);
    server.request("thread/name/set", json!({"threadId": thread, "name": "A name"}));
    server.take("thread/name/updated");

    let request = server.start_request("thread/fork", json!({"threadId": thread}));
    let messages = server.until("the fork's start", |message| message["method"] == "thread/started");
    assert_eq!(outline(&messages), ["answer", "thread/tokenUsage/updated", "thread/started"]);
    assert_eq!(messages[0]["id"], request);
    let forked = &messages[0]["result"];
    let new = id(forked).to_owned();
    assert_ne!(new, thread);
    let of_fork = &forked["thread"];
    assert_eq!((&of_fork["forkedFromId"], &of_fork["sessionId"]), (&json!(thread), &json!(new)));
    assert_eq!((&of_fork["name"], &of_fork["preview"]), (&json!("A name"), &json!("one")));
    assert_eq!((&of_fork["status"], &of_fork["ephemeral"]), (&json!({"type": "idle"}), &json!(false)));
    let usage = &messages[1]["params"];
    assert_eq!((&usage["threadId"], &usage["turnId"]), (&json!(new), &json!(last)));
    let read = server.request("thread/read", json!({"threadId": thread, "includeTurns": true}));
    assert_eq!(of_fork["turns"], read["thread"]["turns"]);

    assert_eq!(answer_text(&server.run_turn(&new, "on the branch")), "answer");
    assert_eq!(answer_text(&server.run_turn(&thread, "on the trunk")), "answer");
    assert_eq!(told(&scene, 3), ["one", "answer", "two", "answer", "on the branch"]);
    assert_eq!(told(&scene, 4), ["one", "answer", "two", "answer", "on the trunk"]);
    server.close();

    let mut server = scene.server();
    let mut both = [thread.clone(), new.clone()];
    both.sort();
    let mut found = listed(&mut server);
    found.sort();
    assert_eq!(found, both);
    let resumed = server.request("thread/resume", json!({"threadId": new}));
    server.take("thread/tokenUsage/updated");
    assert_eq!(
        texts(&resumed["thread"]["turns"]),
        ["one", "answer", "two", "answer", "on the branch", "answer"]
    );
    assert_eq!(
        (&resumed["thread"]["name"], &resumed["thread"]["forkedFromId"]),
        (&json!("A name"), &json!(thread))
    );
    // A fork has a fork.
    let again = fork(&mut server, json!({"threadId": new, "excludeTurns": true}));
    assert_eq!((&again["thread"]["forkedFromId"], &again["thread"]["turns"]), (&json!(new), &json!([])));
    server.run_turn(id(&again), "on a twig");
    assert_eq!(told(&scene, 5), ["one", "answer", "two", "answer", "on the branch", "answer", "on a twig"]);
}

#[test]
fn a_fork_ends_with_or_before_a_turn() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let turns = ["one", "two", "three"].map(|text| {
        let turn = server.start_turn(&thread, text);
        server.until_turn_completed(&thread);
        turn
    });
    let with = fork(&mut server, json!({"threadId": thread, "lastTurnId": turns[1]}));
    assert_eq!(texts(&with["thread"]["turns"]), ["one", "answer", "two", "answer"]);
    let before = fork(&mut server, json!({"threadId": thread, "beforeTurnId": turns[1]}));
    assert_eq!(texts(&before["thread"]["turns"]), ["one", "answer"]);
    server.run_turn(id(&before), "instead");
    assert_eq!(told(&scene, 4), ["one", "answer", "instead"]);

    // Nothing is left, so there is nothing to list yet.
    let known = listed(&mut server).len();
    let empty = fork(&mut server, json!({"threadId": thread, "beforeTurnId": turns[0]}));
    assert_eq!((&empty["thread"]["turns"], &empty["thread"]["preview"]), (&json!([]), &json!("")));
    assert_eq!(listed(&mut server).len(), known);
    server.run_turn(id(&empty), "afresh");
    assert_eq!(told(&scene, 5), ["afresh"]);
    assert_eq!(listed(&mut server).len(), known + 1);

    let params = json!({"threadId": thread, "lastTurnId": UNKNOWN});
    assert_refused(&mut server, "thread/fork", params, &format!("turn not found: {UNKNOWN}"));
    let params = json!({"threadId": thread, "lastTurnId": turns[0], "beforeTurnId": turns[1]});
    let expected = "only one of lastTurnId and beforeTurnId can be given";
    assert_refused(&mut server, "thread/fork", params, expected);
}

#[test]
fn a_running_turn_is_copied_as_interrupted() {
    let gate = Gate::new();
    let added = json!({"type": "message", "role": "assistant", "id": "msg_1", "content": []});
    let done = json!({
        "type": "message", "role": "assistant", "id": "msg_1", "content": [{"type": "output_text", "text": "done"}],
    });
    let held = Answer::events([events::created("resp_1"), events::item_added(&added)])
        .gate(&gate)
        .and([events::item_done(&done), events::completed("resp_1", &usage(10, 5))]);
    let scene = Scene::new([held, Answer::message("on the branch")]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let turn = server.start_turn(&thread, "long work");
    scene.model.gate_reached(&gate);

    let params = json!({"threadId": thread, "lastTurnId": turn});
    assert_refused(&mut server, "thread/fork", params, &format!("turn is in progress: {turn}"));
    for params in [json!({"threadId": thread}), json!({"threadId": thread, "ephemeral": true})] {
        let request = server.start_request("thread/fork", params);
        let forked = server.answer(&request)["result"].clone();
        server.take("thread/started");
        let turns = &forked["thread"]["turns"];
        assert_eq!((&turns[0]["id"], &turns[0]["status"]), (&json!(turn), &json!("interrupted")));
        assert_eq!(texts(turns), ["long work"]);
        if !forked["thread"]["path"].is_null() {
            server.run_turn(id(&forked), "go on");
            assert_eq!(told(&scene, 2), ["long work", "go on"]);
            let read = json!({"threadId": id(&forked), "includeTurns": true});
            let read = server.request("thread/read", read);
            assert_eq!(read["thread"]["turns"][0]["status"], "interrupted");
        }
    }
    // The source goes its way.
    gate.open();
    assert_eq!(answer_text(&server.until_turn_completed(&thread)), "done");
    server.take_rest();
}

#[test]
fn a_thread_without_turns_has_a_fork() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let forked = fork(&mut server, json!({"threadId": thread}));
    assert_eq!((&forked["thread"]["turns"], &forked["thread"]["forkedFromId"]), (&json!([]), &json!(thread)));
    server.run_turn(id(&forked), "one");
    assert_eq!(listed(&mut server), [id(&forked)]);
}

#[test]
fn a_fork_may_change_the_settings() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let params = json!({"cwd": scene.home.work(), "model": "another-model"});
    let thread = server.start_thread_with(params);
    server.run_turn(&thread, "one");
    let kept = fork(&mut server, json!({"threadId": thread}));
    assert_eq!(kept["model"], "another-model");
    let params = json!({"threadId": thread, "model": "third-model", "approvalPolicy": "untrusted"});
    let changed = fork(&mut server, params);
    assert_eq!((&changed["model"], &changed["approvalPolicy"]), (&json!("third-model"), &json!("untrusted")));
    server.request("turn/start", json!({"threadId": id(&changed), "input": []}));
    server.until_turn_completed(id(&changed));
    assert_eq!(scene.model.requests_seen(2)[1].body["model"], "third-model");
}

#[test]
fn stored_threads_are_forked_by_id_or_by_path_and_archived_ones_are_not() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    server.run_turn(&thread, "one");
    server.close();
    let file = scene.home.rollouts().unwrap().remove(0);
    let elsewhere = scene.home.base().join("elsewhere.jsonl");
    fs::copy(&file, &elsewhere).unwrap();

    let mut server = scene.server();
    let by_id = fork(&mut server, json!({"threadId": thread}));
    let by_path = fork(&mut server, json!({"threadId": "", "path": elsewhere}));
    for forked in [&by_id, &by_path] {
        assert_eq!(forked["thread"]["forkedFromId"], thread.as_str());
        assert_eq!(texts(&forked["thread"]["turns"]), ["one", "answer"]);
        server.run_turn(id(forked), "two");
    }
    // The source was neither loaded nor changed.
    assert_eq!(fs::read(&file).unwrap(), fs::read(&elsewhere).unwrap());
    let mut loaded = [id(&by_id), id(&by_path)];
    loaded.sort_unstable();
    assert_eq!(server.request("thread/loaded/list", json!({}))["data"], json!(loaded));

    for missing in [scene.home.base().join("nowhere.jsonl"), scene.home.home().join("config.toml")] {
        let error = server.request_error("thread/fork", json!({"threadId": UNKNOWN, "path": missing}));
        assert_eq!(error["code"], -32600, "{error}");
    }
    server.request("thread/archive", json!({"threadId": thread}));
    server.take("thread/archived");
    let expected = format!("thread {thread} is archived; unarchive it with thread/unarchive first");
    assert_refused(&mut server, "thread/fork", json!({"threadId": thread}), &expected);
}

#[test]
fn a_fork_in_memory_leaves_no_file() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let first = server.start_turn(&thread, "one");
    server.until_turn_completed(&thread);
    server.run_turn(&thread, "two");
    let params = json!({"threadId": thread, "ephemeral": true, "lastTurnId": first});
    let forked = fork(&mut server, params);
    assert_eq!((&forked["thread"]["path"], &forked["thread"]["ephemeral"]), (&Value::Null, &json!(true)));
    assert_eq!(forked["thread"]["preview"], "one");
    assert_eq!(texts(&forked["thread"]["turns"]), ["one", "answer"]);
    server.run_turn(id(&forked), "instead");
    assert_eq!(told(&scene, 3), ["one", "answer", "instead"]);
    assert_eq!(listed(&mut server), [thread]);
    assert_eq!(scene.home.rollouts().unwrap().len(), 1);
}

#[test]
fn a_fork_that_cannot_be_written_is_an_error_and_leaves_nothing() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    server.run_turn(&thread, "one");
    server.close();
    let file = scene.home.rollouts().unwrap().remove(0);
    let elsewhere = scene.home.base().join("elsewhere.jsonl");
    fs::rename(&file, &elsewhere).unwrap();
    let sessions = scene.home.home().join("sessions");
    fs::remove_dir_all(&sessions).unwrap();
    fs::write(&sessions, "").unwrap();

    let mut server = scene.server();
    let error = server.request_error("thread/fork", json!({"threadId": "", "path": elsewhere}));
    assert_eq!(error["code"], -32603, "{error}");
    assert_eq!(server.request("thread/loaded/list", json!({}))["data"], json!([]));

    // The same request succeeds once there is room again.
    fs::remove_file(&sessions).unwrap();
    let forked = fork(&mut server, json!({"threadId": "", "path": elsewhere}));
    assert_eq!(texts(&forked["thread"]["turns"]), ["one", "answer"]);
    assert_eq!(scene.home.rollouts().unwrap().len(), 1);
}

#[test]
fn an_unknown_thread_is_refused() {
    let mut server = Scene::talkative().server();
    assert_refused(
        &mut server,
        "thread/fork",
        json!({"threadId": UNKNOWN}),
        &format!("no rollout found for thread id {UNKNOWN}"),
    );
}

#[test]
fn a_thread_that_is_not_stored_is_refused() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let params = json!({"ephemeral": true, "cwd": scene.home.work()});
    let started = server.request("thread/start", params);
    server.take("thread/started");
    let thread = started["thread"]["id"].as_str().unwrap();
    let expected = format!("no rollout found for thread id {thread}");
    assert_refused(&mut server, "thread/fork", json!({"threadId": thread}), &expected);
}
