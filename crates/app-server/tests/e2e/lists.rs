//! Listing threads.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::Scene;

fn ids(result: &Value) -> Vec<String> {
    let ids =
        result["data"].as_array().unwrap().iter().map(|thread| thread["id"].as_str().unwrap().to_owned());
    ids.collect()
}

#[test]
fn pages_hold_every_thread_once_newest_first() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let mut threads = Vec::new();
    for question in ["one", "two", "three", "four", "five"] {
        let thread = scene.start_thread(&mut server);
        server.run_turn(&thread, question);
        threads.insert(0, thread);
    }
    // A thread nobody said anything in is not listed.
    scene.start_thread(&mut server);
    for limit in [1, 2, 5, 100] {
        let mut found = Vec::new();
        let mut cursor = Value::Null;
        loop {
            let page = server.request("thread/list", json!({"limit": limit, "cursor": cursor}));
            assert!(ids(&page).len() <= limit);
            found.extend(ids(&page));
            cursor = page["nextCursor"].clone();
            if cursor.is_null() {
                break;
            }
        }
        assert_eq!(found, threads, "pages of {limit}");
    }
    let page = server.request("thread/list", json!({"searchTerm": "thre"}));
    assert_eq!(page["data"][0]["preview"], "three");
    assert_eq!(ids(&page).len(), 1);
    assert_eq!(server.request_error("thread/list", json!({"cursor": "garbage"}))["code"], -32600);
}

#[test]
fn threads_are_picked_by_where_they_come_from() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let mut threads = Vec::new();
    for question in ["one", "two", "three"] {
        let thread = scene.start_thread(&mut server);
        server.run_turn(&thread, question);
        threads.push(thread);
    }
    // The second was made by an agent of the first, the third by one of the second.
    for (child, parent) in [(1, 0), (2, 1)] {
        let is_of = |path: &PathBuf| path.to_string_lossy().contains(&threads[child]);
        let path = scene.home.rollouts().unwrap().into_iter().find(is_of).unwrap();
        let spawn = json!({"parent_thread_id": threads[parent], "depth": 1});
        let source = json!({"subagent": {"thread_spawn": spawn}}).to_string();
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replacen("\"vscode\"", &source, 1)).unwrap();
    }
    server.close();

    let mut server = scene.server();
    let mut list = |params: Value| ids(&server.request("thread/list", params));
    assert_eq!(list(json!({})), [threads[0].clone()]);
    assert_eq!(list(json!({"parentThreadId": threads[0]})), [threads[1].clone()]);
    let family = [threads[2].clone(), threads[1].clone()];
    assert_eq!(list(json!({"ancestorThreadId": threads[0]})), family);
    assert_eq!(list(json!({"ancestorThreadId": threads[0], "sourceKinds": ["vscode"]})), [""; 0]);
    assert_eq!(list(json!({"ancestorThreadId": threads[0], "excludedThreadIds": [threads[1]]})), family[..1]);
    assert_eq!(list(json!({"excludedThreadIds": [threads[0], "no id"]})), [""; 0]);
    assert_eq!(list(json!({"originators": ["probe", "another"]})), [threads[0].clone()]);
    assert_eq!(list(json!({"originators": ["another"]})), [""; 0]);
    assert_eq!(list(json!({"originators": []})), [threads[0].clone()]);
    let error = server.request_error("thread/list", json!({"parentThreadId": "no id"}));
    assert!(error["message"].as_str().unwrap().starts_with("invalid thread id: "), "{error}");
}

#[test]
fn both_directions_of_every_order_hold_every_thread() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let mut threads = Vec::new();
    for question in ["one", "two", "three"] {
        let thread = scene.start_thread(&mut server);
        server.run_turn(&thread, question);
        threads.push(thread);
    }
    for key in ["created_at", "updated_at", "recency_at"] {
        for direction in ["asc", "desc"] {
            let mut found = Vec::new();
            let mut cursor = Value::Null;
            loop {
                let params =
                    json!({"limit": 2, "cursor": cursor, "sortKey": key, "sortDirection": direction});
                let page = server.request("thread/list", params);
                found.extend(ids(&page));
                cursor = page["nextCursor"].clone();
                if cursor.is_null() {
                    break;
                }
            }
            if direction == "desc" {
                found.reverse();
            }
            assert_eq!(found, threads, "{key} {direction}");
        }
    }
}

#[test]
fn a_stored_thread_tells_the_model_of_its_last_turn() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    server.run_turn(&thread, "one");
    let input = json!([{"type": "text", "text": "two"}]);
    let params = json!({"threadId": thread, "input": input, "model": "another", "effort": "low"});
    server.request("turn/start", params);
    server.until_turn_completed(&thread);
    server.close();

    let mut server = scene.server();
    let listed = server.request("thread/list", json!({}))["data"][0].clone();
    let read = server.request("thread/read", json!({"threadId": thread}))["thread"].clone();
    for thread in [listed, read] {
        assert_eq!((&thread["model"], &thread["reasoningEffort"]), (&json!("another"), &json!("low")));
    }
}

#[test]
fn what_a_list_says_survives_a_restart() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let kept = scene.start_thread(&mut server);
    server.run_turn(&kept, "to keep");
    let archived = scene.start_thread(&mut server);
    server.run_turn(&archived, "to archive");
    server.request("thread/name/set", json!({"threadId": kept, "name": "  A name "}));
    server.take("thread/name/updated");
    server.request("thread/archive", json!({"threadId": archived}));
    server.take("thread/archived");
    server.close();

    let mut server = scene.server();
    let page = server.request("thread/list", json!({}));
    assert_eq!(ids(&page), [kept]);
    assert_eq!(page["data"][0]["name"], "A name");
    assert_eq!(page["data"][0]["status"], json!({"type": "notLoaded"}));
    let page = server.request("thread/list", json!({"archived": true}));
    assert_eq!(ids(&page), [archived]);
}
