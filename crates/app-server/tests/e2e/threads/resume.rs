//! `thread/resume`.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::{UNKNOWN, assert_refused, texts};
use crate::Scene;

/// A home with one thread of one turn, and the thread's file.
fn stored_thread(scene: &Scene) -> (String, PathBuf) {
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    server.run_turn(&thread, "one");
    server.close();
    (thread, scene.home.rollouts().unwrap().remove(0))
}

fn message(role: &str, text: &str) -> Value {
    let kind = if role == "assistant" { "output_text" } else { "input_text" };
    json!({"type": "message", "role": role, "content": [{"type": kind, "text": text}]})
}

/// The texts of messages the model was sent, without context.
fn said(body: &Value) -> Vec<String> {
    let items = body["input"].as_array().unwrap().iter().filter(|item| item["role"] != "developer");
    let texts = items.filter_map(|item| item["content"][0]["text"].as_str());
    texts.filter(|text| !text.starts_with('<')).map(str::to_owned).collect()
}

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

#[test]
fn a_given_history_begins_a_new_thread() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let context = message("user", "<environment_context>old</environment_context>");
    let reasoning = json!({"type": "reasoning", "summary": [{"type": "summary_text", "text": "thought"}], "encrypted_content": "x"});
    let history = json!([
        message("developer", "rules"),
        context,
        message("user", "one"),
        reasoning,
        {"type": "bogus"},
        message("assistant", "two"),
        message("user", "three"),
    ]);
    // Neither the id nor the path counts.
    let params =
        json!({"threadId": UNKNOWN, "path": "/nowhere", "history": history, "cwd": scene.home.work()});
    let resumed = server.request("thread/resume", params);
    let thread = resumed["thread"]["id"].as_str().unwrap().to_owned();
    assert_ne!(thread, UNKNOWN);
    assert_eq!(
        (&resumed["thread"]["forkedFromId"], &resumed["thread"]["preview"]),
        (&Value::Null, &json!("one"))
    );
    let turns = &resumed["thread"]["turns"];
    let ids: Vec<&Value> = turns.as_array().unwrap().iter().map(|turn| &turn["id"]).collect();
    assert_eq!(ids, ["turn-1", "turn-2"]);
    let kinds = |turn: &Value| -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        turn["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| (text(&item["id"]), text(&item["type"])))
            .collect()
    };
    let expected = [("item-1", "userMessage"), ("item-2", "reasoning"), ("item-3", "agentMessage")]
        .map(|(id, kind)| (id.to_owned(), kind.to_owned()));
    assert_eq!(kinds(&turns[0]), expected);
    assert_eq!(texts(turns), ["one", "two", "three"]);
    assert_eq!(server.take("thread/status/changed")["params"]["status"]["type"], "idle");
    let read = server.request("thread/read", json!({"threadId": thread, "includeTurns": true}));
    assert_eq!(read["thread"]["turns"], *turns);
    server.run_turn(&thread, "four");
    let body = scene.model.requests_seen(1).remove(0).body;
    assert_eq!(said(&body), ["one", "two", "three", "four"]);
    let first: Vec<&Value> = body["input"].as_array().unwrap().iter().take(4).collect();
    assert_eq!(*first[0], message("developer", "rules"));
    assert_eq!(first[3]["type"], "reasoning");
    server.close();

    let mut server = scene.server();
    assert_eq!(server.request("thread/list", json!({}))["data"][0]["preview"], "one");
    let resumed = server.request("thread/resume", json!({"threadId": thread}));
    assert_eq!(texts(&resumed["thread"]["turns"]), ["one", "two", "three", "four", "answer"]);
    server.take("thread/status/changed");
    server.take("thread/tokenUsage/updated");
}

#[test]
fn a_history_that_cannot_be_stored_makes_no_thread() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    fs::write(scene.home.home().join("sessions"), "").unwrap();
    let params = json!({"threadId": UNKNOWN, "history": [message("user", "one")]});
    assert_eq!(server.request_error("thread/resume", params)["code"], -32603);
    assert_eq!(server.request("thread/loaded/list", json!({}))["data"], json!([]));
}

#[test]
fn a_path_goes_before_the_id() {
    let scene = Scene::talkative();
    let (thread, path) = stored_thread(&scene);
    for id in [UNKNOWN, "", &thread] {
        let mut server = scene.server();
        let resumed = server.request("thread/resume", json!({"threadId": id, "path": path}));
        assert_eq!(resumed["thread"]["id"], thread.as_str());
        assert_eq!(texts(&resumed["thread"]["turns"]), ["one", "answer"]);
        server.take("thread/status/changed");
        server.take("thread/tokenUsage/updated");
        // Once more, loaded.
        let resumed = server.request("thread/resume", json!({"threadId": id, "path": path}));
        assert_eq!(resumed["thread"]["id"], thread.as_str());
        assert_eq!(server.request("thread/loaded/list", json!({}))["data"], json!([thread]));
        server.take("thread/tokenUsage/updated");
    }
    // A file from elsewhere, with the id in it.
    let elsewhere = scene.home.work().join("copy.jsonl");
    fs::rename(&path, &elsewhere).unwrap();
    let mut server = scene.server();
    let resumed = server.request("thread/resume", json!({"threadId": "", "path": elsewhere}));
    assert_eq!(resumed["thread"]["id"], thread.as_str());
    server.take("thread/status/changed");
    server.take("thread/tokenUsage/updated");
    server.run_turn(&thread, "two");
    assert!(fs::read_to_string(&elsewhere).unwrap().contains("\"two\""));
}

#[test]
fn a_path_that_is_no_thread_is_refused() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    fs::write(scene.home.work().join("words"), "words\n").unwrap();
    for path in ["nothing.jsonl", "words"] {
        let params = json!({"threadId": UNKNOWN, "path": scene.home.work().join(path)});
        assert_eq!(server.request_error("thread/resume", params)["code"], -32600);
    }
}

#[test]
fn an_archived_file_is_not_gone_on_with() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    server.run_turn(&thread, "one");
    server.request("thread/archive", json!({"threadId": thread}));
    server.take("thread/status/changed");
    server.take("thread/archived");
    let archived =
        fs::read_dir(scene.home.home().join("archived_sessions")).unwrap().next().unwrap().unwrap();
    let error = server.request_error("thread/resume", json!({"threadId": "", "path": archived.path()}));
    assert!(error["message"].as_str().unwrap().contains("is archived"), "{error}");
}

#[test]
fn the_client_hears_of_damage() {
    let scene = Scene::talkative();
    let (thread, path) = stored_thread(&scene);
    let whole = fs::read_to_string(&path).unwrap();
    for (damaged, said) in [
        (1, "1 record of this thread's file could not be read."),
        (2, "2 records of this thread's file could not be read."),
    ] {
        let (first, rest) = whole.split_once('\n').unwrap();
        fs::write(&path, format!("{first}\n{}{rest}", "garbage\n".repeat(damaged))).unwrap();
        let mut server = scene.server();
        server.request("thread/resume", json!({"threadId": thread}));
        server.take("thread/tokenUsage/updated");
        let warning = server.take("warning");
        assert_eq!(warning["params"], json!({"threadId": thread, "message": said}));
        server.take("thread/status/changed");
        // Not again while it is loaded.
        server.request("thread/resume", json!({"threadId": thread}));
        server.take("thread/tokenUsage/updated");
        assert_eq!(server.close(), Vec::<Value>::new());
    }
}

/// The most memory the process has had, in bytes.
#[cfg(target_os = "linux")]
fn peak_memory(process: u32) -> usize {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

#[cfg(target_os = "linux")]
#[test]
fn all_turns_of_a_huge_thread_are_answered_without_being_held_in_memory() {
    const TURNS: usize = 100;
    const TURN_BYTES: usize = 1 << 20;
    let scene = Scene::talkative();
    let (thread, path) = stored_thread(&scene);
    let text = "x".repeat(TURN_BYTES);
    let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
    for n in 0..TURNS {
        let turn_id = format!("01990000-0000-7000-8000-{n:012}");
        for payload in [
            json!({"type": "task_started", "turn_id": turn_id}),
            json!({"type": "user_message", "message": "more"}),
            json!({"type": "agent_message", "message": text}),
            json!({"type": "task_complete", "turn_id": turn_id}),
        ] {
            let line =
                json!({"timestamp": "2026-03-01T10:00:00.000Z", "type": "event_msg", "payload": payload});
            writeln!(file, "{line}").unwrap();
        }
    }
    let mut server = scene.server();
    let read = json!({"threadId": thread, "includeTurns": true});
    let ids = [("thread/read", read), ("thread/resume", json!({"threadId": thread}))]
        .map(|(method, params)| server.start_request(method, params));
    for id in ids {
        let answer = server.answer(&id);
        let turns = answer["result"]["thread"]["turns"].as_array().unwrap();
        assert_eq!(turns.len(), 1 + TURNS);
        assert_eq!(turns[TURNS]["items"][1]["text"].as_str().unwrap().len(), TURN_BYTES);
    }
    server.take("thread/tokenUsage/updated");
    let peak = peak_memory(server.connection().process_id());
    assert!(peak < TURNS * TURN_BYTES * 2 / 3, "{peak} bytes");
    server.run_turn(&thread, "and on");
}
