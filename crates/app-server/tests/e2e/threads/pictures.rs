//! Pictures of the user's: a thread's file has each of them once, and whoever reads the thread sees them as they were told.

use std::fs;
use std::path::Path;

use app_server_test_support::TestServer;
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use super::texts;
use crate::Scene;

/// How every picture begins that is in a file.
const DATA: &str = "data:image/png;base64,";

/// A picture of its own for each letter.
fn picture(letter: &str) -> String {
    format!("{DATA}{}", letter.repeat(20_000))
}

fn read(server: &mut TestServer, thread: &str) -> Vec<Value> {
    let read = server.request("thread/read", json!({"threadId": thread, "includeTurns": true}));
    read["thread"]["turns"].as_array().unwrap().clone()
}

/// Runs a turn and returns the items of it as they were told.
fn turn(server: &mut TestServer, thread: &str, input: &Value) -> Vec<Value> {
    server.request("turn/start", json!({"threadId": thread, "input": input}));
    let messages = server.until_turn_completed(thread);
    let completed = messages.iter().filter(|message| message["method"] == "item/completed");
    completed.map(|message| message["params"]["item"].clone()).collect()
}

fn items(turns: &[Value]) -> Vec<Value> {
    turns.iter().flat_map(|turn| turn["items"].as_array().unwrap().clone()).collect()
}

/// All that pages have, by twos.
fn pages(server: &mut TestServer, method: &str, thread: &str) -> Vec<Value> {
    let mut params = json!({"threadId": thread, "limit": 2, "sortDirection": "asc"});
    if method == "thread/turns/list" {
        params["itemsView"] = json!("full");
    }
    let mut all = Vec::new();
    loop {
        let mut page = server.request(method, params.clone());
        all.append(page["data"].as_array_mut().unwrap());
        if page["nextCursor"].is_null() {
            return all;
        }
        params["cursor"] = page["nextCursor"].take();
    }
}

/// Forks and returns the id and the turns of the fork.
fn fork(server: &mut TestServer, params: Value) -> (String, Vec<Value>) {
    let forked = server.request("thread/fork", params);
    server.until("the fork's start", |message| message["method"] == "thread/started");
    let thread = &forked["thread"];
    (thread["id"].as_str().unwrap().to_owned(), thread["turns"].as_array().unwrap().clone())
}

/// The file of a thread.
fn file(scene: &Scene, thread: &str) -> String {
    let of_thread = |path: &Path| path.to_string_lossy().contains(thread);
    let path = scene.home.rollouts().unwrap().into_iter().find(|path| of_thread(path)).unwrap();
    fs::read_to_string(path).unwrap()
}

fn count(scene: &Scene, thread: &str, picture: &str) -> usize {
    file(scene, thread).matches(picture).count()
}

/// Every way to read the thread gives these turns.
#[track_caller]
fn assert_read_everywhere(server: &mut TestServer, thread: &str, turns: &[Value]) {
    assert_eq!(read(server, thread), turns);
    assert_eq!(pages(server, "thread/turns/list", thread), turns);
    let listed = pages(server, "thread/items/list", thread);
    let listed: Vec<Value> = listed.into_iter().map(|entry| entry["item"].clone()).collect();
    assert_eq!(listed, items(turns));
    for turn in turns {
        let ids: Vec<&Value> = turn["items"].as_array().unwrap().iter().map(|item| &item["id"]).collect();
        let params = json!({"threadId": thread, "turnId": turn["id"], "itemIds": ids});
        let found = server.request("thread/items/read", params);
        let found = found["data"].as_array().unwrap().iter().map(|entry| entry["item"].clone());
        assert_eq!(found.collect::<Vec<_>>(), *turn["items"].as_array().unwrap());
    }
}

#[test]
fn a_picture_is_stored_once_and_shown_wherever_the_thread_is_read() {
    let scene = Scene::talkative();
    let (a, b, small) = (picture("A"), picture("B"), format!("{DATA}iVBORw0KGgo="));
    let local = scene.home.work().join("local.png");
    let mut bytes = b"\x89PNG\r\n\x1a\n\0".to_vec();
    bytes.extend(b"local".repeat(4_000));
    fs::write(&local, bytes).unwrap();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let text = |text: &str| json!({"type": "text", "text": text, "text_elements": []});
    let image = |url: &str| json!({"type": "image", "url": url});
    let mut live = turn(
        &mut server,
        &thread,
        &json!([text("one"), image(&a), {"type": "localImage", "path": local}, image(&small)]),
    );
    assert_eq!(live[0]["content"][1]["url"], json!(a));
    live.extend(turn(&mut server, &thread, &json!([image(&b), text("two")])));
    live.extend(turn(&mut server, &thread, &json!([text("three")])));
    let turns = read(&mut server, &thread);
    assert_eq!(items(&turns), live);
    assert_read_everywhere(&mut server, &thread, &turns);
    // Two large ones, one that is read from its file, and a small one in three records.
    assert_eq!((count(&scene, &thread, &a), count(&scene, &thread, &b)), (1, 1));
    assert_eq!(count(&scene, &thread, DATA), 6);
    server.close();

    let mut server = scene.server();
    assert_read_everywhere(&mut server, &thread, &turns);
    let resumed = server.request("thread/resume", json!({"threadId": thread}));
    assert_eq!(resumed["thread"]["turns"], json!(turns));
    server.take("thread/tokenUsage/updated");
    server.take("thread/status/changed");
    turn(&mut server, &thread, &json!([text("four")]));
    let told = scene.model.model().requests().pop().unwrap().body.to_string();
    assert_eq!((told.matches(&a).count(), told.matches(&b).count()), (1, 1));
    server.request("thread/rollback", json!({"threadId": thread, "numTurns": 2}));
    assert_eq!(read(&mut server, &thread), turns[..2]);
    server.take_rest();

    let (whole, forked) = fork(&mut server, json!({"threadId": thread}));
    assert_eq!(forked, turns[..2]);
    assert_eq!((count(&scene, &whole, &a), count(&scene, &whole, &b)), (1, 1));
    let (part, forked) = fork(&mut server, json!({"threadId": thread, "lastTurnId": turns[0]["id"]}));
    assert_eq!(forked, turns[..1]);
    assert_eq!((count(&scene, &part, &a), count(&scene, &part, &b)), (1, 0));
    let (_, forked) = fork(&mut server, json!({"threadId": thread, "ephemeral": true}));
    assert_eq!(forked, turns[..2]);

    server.request("thread/compact/start", json!({"threadId": thread}));
    server.until_turn_completed(&thread);
    assert_eq!((count(&scene, &thread, &a), count(&scene, &thread, &b)), (1, 1));
    server.close();
    let mut server = scene.server();
    assert_eq!(read(&mut server, &thread)[..2], turns[..2]);
    assert_read_everywhere(&mut server, &whole, &turns[..2]);
    assert_read_everywhere(&mut server, &part, &turns[..1]);
    let found = server.request("thread/search", json!({"searchTerm": "two"}));
    assert_eq!(found["data"].as_array().unwrap().len(), 2);
}

#[test]
fn a_picture_that_is_damaged_costs_no_turn() {
    let scene = Scene::talkative();
    let (a, b) = (picture("A"), picture("B"));
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    for (words, url) in [("one", &a), ("two", &b)] {
        let input = json!([{"type": "text", "text": words}, {"type": "image", "url": url}]);
        turn(&mut server, &thread, &input);
    }
    let whole = read(&mut server, &thread);
    server.close();
    let path = scene.home.rollouts().unwrap().remove(0);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace(&a, &a[..a.len() / 2])).unwrap();

    let mut server = scene.server();
    let turns = read(&mut server, &thread);
    let mut expected = whole;
    expected[0]["items"][0]["content"][1]["url"] = json!("data:,");
    assert_eq!(turns, expected);
    server.close();
    // The whole record is gone.
    fs::write(&path, text.replace(&a, "\"")).unwrap();
    let mut server = scene.server();
    assert_eq!(read(&mut server, &thread), expected);
    server.request("thread/resume", json!({"threadId": thread}));
    server.take_rest();
    turn(&mut server, &thread, &json!([{"type": "text", "text": "three"}]));
}

#[test]
fn pictures_of_a_given_history_are_stored_once() {
    let scene = Scene::talkative();
    let a = picture("A");
    let mut server = scene.server();
    let seen = json!([
        {"type": "input_text", "text": "look"},
        {"type": "input_image", "image_url": a, "detail": "auto"},
    ]);
    let history = json!([{"type": "message", "role": "user", "content": seen}]);
    let params = json!({"threadId": "", "history": history, "cwd": scene.home.work()});
    let resumed = server.request("thread/resume", params);
    let thread = resumed["thread"]["id"].as_str().unwrap().to_owned();
    let turns = resumed["thread"]["turns"].as_array().unwrap().clone();
    assert_eq!(
        (texts(&json!(turns)), &turns[0]["items"][0]["content"][1]["url"]),
        (vec!["look".to_owned()], &json!(a))
    );
    assert_eq!(count(&scene, &thread, &a), 1);
    server.take_rest();
    server.close();
    let mut server = scene.server();
    assert_read_everywhere(&mut server, &thread, &turns);
}

#[test]
fn a_file_with_pictures_in_every_record_is_read() {
    let scene = Scene::talkative();
    let a = picture("A");
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let input = json!([{"type": "text", "text": "one"}, {"type": "image", "url": a}]);
    turn(&mut server, &thread, &input);
    let turns = read(&mut server, &thread);
    server.close();
    let path = scene.home.rollouts().unwrap().remove(0);
    let text = fs::read_to_string(&path).unwrap();
    let lines = text.lines().map(|line| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        let payload = &mut line["payload"];
        match payload["type"].as_str() {
            Some("user_message") => {
                payload["images"] = json!([a]);
                payload.as_object_mut().unwrap().remove("image_refs");
            }
            Some("item_completed") if payload["item"]["type"] == "UserMessage" => {
                payload["item"]["content"][1]["image_url"] = json!(a);
            }
            _ => {}
        }
        format!("{line}\n")
    });
    fs::write(&path, lines.collect::<String>()).unwrap();
    assert_eq!(count(&scene, &thread, &a), 3);
    let mut server = scene.server();
    assert_read_everywhere(&mut server, &thread, &turns);
}
