//! Listing threads.

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
