//! Sections of the thread list, and what is tied to threads.

use app_server_test_support::TestServer;
use serde_json::{Value, json};

use super::{UNKNOWN, assert_refused};
use crate::Scene;

fn create(server: &mut TestServer, name: &str) -> String {
    let section = server.request("threadSection/create", json!({"name": name}))["section"].clone();
    section["id"].as_str().unwrap().to_owned()
}

fn names(server: &mut TestServer) -> Vec<String> {
    let sections = server.request("threadSection/list", json!({}))["data"].clone();
    sections.as_array().unwrap().iter().map(|section| section["name"].as_str().unwrap().to_owned()).collect()
}

/// Moves a thread and takes what is told of it.
fn put(server: &mut TestServer, thread: &str, section: Option<&str>, before: Option<&str>) {
    let params = json!({"threadId": thread, "sectionId": section, "beforeThreadId": before});
    assert_eq!(server.request("thread/section/move", params), json!({}));
    let told = server.take("thread/section/changed");
    assert_eq!(told["params"], json!({"threadId": thread, "sectionId": section}));
}

fn threads(server: &mut TestServer, count: usize, scene: &Scene) -> Vec<String> {
    let mut threads = Vec::new();
    for _ in 0..count {
        let thread = scene.start_thread(server);
        server.run_turn(&thread, "hi");
        threads.push(thread);
    }
    threads
}

/// Lists to the end in pages of two.
fn list(server: &mut TestServer, mut params: Value) -> Vec<String> {
    let mut found = Vec::new();
    params["limit"] = json!(2);
    loop {
        let page = server.request("thread/list", params.clone());
        found.extend(
            page["data"].as_array().unwrap().iter().map(|thread| thread["id"].as_str().unwrap().to_owned()),
        );
        if page["nextCursor"].is_null() {
            return found;
        }
        params["cursor"] = page["nextCursor"].clone();
    }
}

#[test]
fn a_section_needs_a_name() {
    let mut server = Scene::talkative().server();
    let error = server.request_error("threadSection/create", json!({}));
    assert!(error["message"].as_str().unwrap().contains("missing field `name`"), "{error}");
    let refusal = |error: Value| (error["code"].clone(), error["message"].clone());
    let blank = (json!(-32602), json!("section name must not be empty"));
    assert_eq!(refusal(server.request_error("threadSection/create", json!({"name": " "}))), blank);
    let missing = (json!(-32602), json!("thread section not found: nope"));
    let params = json!({"sectionId": "nope", "name": "x"});
    assert_eq!(refusal(server.request_error("threadSection/update", params.clone())), missing);
    assert_eq!(refusal(server.request_error("threadSection/delete", params)), missing);
    assert_eq!(names(&mut server), ["Pinned"]);
}

#[test]
fn sections_and_what_is_in_them_survive_a_restart() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let work = create(&mut server, " Work ");
    create(&mut server, "Play");
    let look = json!({"icon": "star", "color": null});
    let params = json!({"sectionId": work, "name": "Work 2", "appearance": look});
    let renamed = server.request("threadSection/update", params);
    assert_eq!(renamed["section"], json!({"id": work, "name": "Work 2", "appearance": look}));
    let [first, second, third] = <[String; 3]>::try_from(threads(&mut server, 3, &scene)).unwrap();
    for thread in [&first, &second, &third] {
        put(&mut server, thread, Some(&work), None);
    }
    put(&mut server, &third, Some(&work), Some(&first));
    server.close();

    let mut server = scene.server();
    assert_eq!(names(&mut server), ["Pinned", "Work 2", "Play"]);
    let page = server.request("threadSection/list", json!({"limit": 2}));
    assert_eq!(page["nextCursor"], work.as_str());
    let page = server.request("threadSection/list", json!({"limit": 2, "cursor": work}));
    assert_eq!((&page["data"][0]["name"], &page["nextCursor"]), (&json!("Play"), &Value::Null));
    assert_eq!(server.request_error("threadSection/list", json!({"cursor": "x"}))["code"], -32602);
    let by_place = json!({"sectionId": work, "sortKey": "section_position"});
    assert_eq!(list(&mut server, by_place.clone()), [third.clone(), first.clone(), second.clone()]);
    let read = server.request("thread/read", json!({"threadId": first}));
    assert_eq!(read["thread"]["section"]["name"], "Work 2");
    assert!(read["thread"]["sectionEnteredAt"].as_i64().unwrap() > 1_700_000_000);
    let resumed = server.request("thread/resume", json!({"threadId": first}));
    assert_eq!(resumed["thread"]["section"], read["thread"]["section"]);
    server.take("thread/status/changed");
    server.take("thread/tokenUsage/updated");

    put(&mut server, &first, None, None);
    assert_eq!(server.request("thread/read", json!({"threadId": first}))["thread"]["section"], Value::Null);
    server.start_request("threadSection/delete", json!({"sectionId": work}));
    for thread in [&third, &second] {
        let told = server.take("thread/section/changed");
        assert_eq!(told["params"], json!({"threadId": thread, "sectionId": null}));
    }
    assert_eq!(list(&mut server, by_place), [""; 0]);
    assert_eq!(names(&mut server), ["Pinned", "Play"]);
    server.take_rest();
}

#[test]
fn lists_go_by_section_and_place() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let made = threads(&mut server, 5, &scene);
    let [a, b, c, d, e] = <[String; 5]>::try_from(made).unwrap();
    let pinned =
        server.request("threadSection/list", json!({}))["data"][0]["id"].as_str().unwrap().to_owned();
    let work = create(&mut server, "Work");
    put(&mut server, &a, Some(&work), None);
    put(&mut server, &b, Some(&work), None);
    put(&mut server, &c, Some(&pinned), None);
    // Sections in their order, then what is in none, the latest first.
    let expected = [c.clone(), a.clone(), b.clone(), e.clone(), d];
    assert_eq!(list(&mut server, json!({"sortKey": "section_position"})), expected);
    let mut reversed = expected.to_vec();
    reversed.reverse();
    assert_eq!(list(&mut server, json!({"sortKey": "section_position", "sortDirection": "desc"})), reversed);
    assert_eq!(list(&mut server, json!({"sectionId": work})), [b, a.clone()]);
    assert_eq!(list(&mut server, json!({"sectionId": "nope"})), [""; 0]);
    // Back from the first entry of a page.
    let by_place = json!({"sectionId": work, "sortKey": "section_position", "limit": 1});
    let page = server.request("thread/list", by_place.clone());
    let mut back = by_place;
    back["cursor"] = page["backwardsCursor"].clone();
    back["sortDirection"] = json!("desc");
    assert_eq!(list(&mut server, back), std::slice::from_ref(&a));
    // A deleted thread leaves its section.
    server.request("thread/delete", json!({"threadId": a}));
    server.take("thread/status/changed");
    server.take("thread/deleted");
    let params = json!({"threadId": e, "sectionId": work, "beforeThreadId": a});
    assert_eq!(server.request_error("thread/section/move", params)["code"], -32602);
}

#[test]
fn a_move_that_cannot_be_is_refused() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let params = json!({"threadId": UNKNOWN, "sectionId": null});
    let text = format!("no rollout found for thread id {UNKNOWN}");
    assert_refused(&mut server, "thread/section/move", params, &text);
    let error = server.request_error("thread/section/move", json!({"threadId": thread, "sectionId": "nope"}));
    assert_eq!(
        (&error["code"], &error["message"]),
        (&json!(-32602), &json!("thread section not found: nope"))
    );
    let ephemeral = server.start_thread_with(json!({"ephemeral": true}));
    let params = json!({"threadId": ephemeral, "sectionId": null});
    let text = format!("no rollout found for thread id {ephemeral}");
    assert_refused(&mut server, "thread/section/move", params, &text);
}

#[test]
fn nothing_is_tied_to_a_thread() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let none = json!({"data": [], "nextCursor": null});
    assert_eq!(server.request("thread/attachment/list", json!({"threadId": thread})), none);
    let text = format!("thread not loaded: {UNKNOWN}");
    assert_refused(&mut server, "thread/attachment/list", json!({"threadId": UNKNOWN}), &text);
    let what = json!({"attachmentType": "pr", "identityKey": "1"});
    assert_eq!(server.request("thread/attachmentOwner/list", what.clone()), none);
    let mut params = what;
    params["threadId"] = json!(thread);
    params["payload"] = json!({});
    let text = "this server keeps no attachments of threads";
    assert_refused(&mut server, "thread/attachment/add", params.clone(), text);
    assert_refused(&mut server, "thread/attachment/remove", params, text);
}
