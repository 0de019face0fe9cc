//! `thread/turns/list`, `thread/items/list` and `thread/items/read`.

use app_server_test_support::model::usage;
use app_server_test_support::{Answer, Gate, TestServer, events};
use serde_json::{Value, json};

use super::{UNKNOWN, assert_refused, texts};
use crate::Scene;

#[test]
fn an_unknown_thread_is_refused() {
    let mut server = Scene::talkative().server();
    assert_refused(
        &mut server,
        "thread/turns/list",
        json!({"threadId": UNKNOWN}),
        &format!("thread not loaded: {UNKNOWN}"),
    );
    assert_refused(
        &mut server,
        "thread/items/list",
        json!({"threadId": UNKNOWN}),
        &format!("thread not loaded: {UNKNOWN}"),
    );
    assert_refused(
        &mut server,
        "thread/items/read",
        json!({"threadId": UNKNOWN, "turnId": "turn", "itemIds": []}),
        &format!("thread not loaded: {UNKNOWN}"),
    );
}

/// A thread with turns of these words.
fn thread_of(scene: &Scene, server: &mut TestServer, words: &[&str]) -> String {
    let thread = scene.start_thread(server);
    for text in words {
        server.run_turn(&thread, text);
    }
    thread
}

fn read(server: &mut TestServer, thread: &str) -> Vec<Value> {
    let read = server.request("thread/read", json!({"threadId": thread, "includeTurns": true}));
    read["thread"]["turns"].as_array().unwrap().clone()
}

fn list(server: &mut TestServer, method: &str, thread: &str, params: Value) -> Value {
    let mut params = params;
    params["threadId"] = json!(thread);
    server.request(method, params)
}

/// All entries, read page by page to the end.
fn walk(server: &mut TestServer, method: &str, thread: &str, params: &Value) -> Vec<Value> {
    let mut params = params.clone();
    let mut all = Vec::new();
    loop {
        let mut page = list(server, method, thread, params.clone());
        all.append(page["data"].as_array_mut().unwrap());
        if page["nextCursor"].is_null() {
            return all;
        }
        params["cursor"] = page["nextCursor"].take();
    }
}

/// The items of turns, as they are listed.
fn entries(turns: &[Value]) -> Vec<Value> {
    let of_turn = |turn: &Value| {
        let id = turn["id"].clone();
        let items = turn["items"].as_array().unwrap().clone();
        items.into_iter().map(move |item| {
            json!({
                "turnId": id,
                "startedAtMs": item["startedAtMs"],
                "completedAtMs": item["completedAtMs"],
                "item": item,
            })
        })
    };
    turns.iter().flat_map(of_turn).collect()
}

fn reversed<T>(mut entries: Vec<T>) -> Vec<T> {
    entries.reverse();
    entries
}

/// What the user said in the turns of a page.
fn asked(page: &Value) -> Vec<String> {
    let said = texts(&page["data"]);
    said.into_iter().filter(|text| text != "answer").collect()
}

fn item_texts(page: &Value) -> Vec<String> {
    let items: Vec<Value> =
        page["data"].as_array().unwrap().iter().map(|entry| entry["item"].clone()).collect();
    texts(&json!([{"items": items}]))
}

/// The pages of turns and items together are what is read of the thread at once.
fn assert_pages_are_the_whole(server: &mut TestServer, thread: &str) {
    let turns = read(server, thread);
    let all = entries(&turns);
    for limit in [1, 2, 3, 100] {
        let of = |direction| json!({"limit": limit, "sortDirection": direction, "itemsView": "full"});
        assert_eq!(walk(server, "thread/turns/list", thread, &of("asc")), turns);
        assert_eq!(walk(server, "thread/turns/list", thread, &of("desc")), reversed(turns.clone()));
        let of = |direction| json!({"limit": limit, "sortDirection": direction});
        assert_eq!(walk(server, "thread/items/list", thread, &of("asc")), all);
        assert_eq!(walk(server, "thread/items/list", thread, &of("desc")), reversed(all.clone()));
    }
}

#[test]
fn the_pages_together_are_the_thread_loaded_stored_and_archived() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = thread_of(&scene, &mut server, &["one", "two", "three", "four", "five"]);
    assert_pages_are_the_whole(&mut server, &thread);
    server.close();
    let mut server = scene.server();
    assert_pages_are_the_whole(&mut server, &thread);
    server.request("thread/archive", json!({"threadId": thread}));
    server.take("thread/archived");
    assert_pages_are_the_whole(&mut server, &thread);
}

#[test]
fn the_newest_turns_come_first_and_in_short() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = thread_of(&scene, &mut server, &["one", "two", "three"]);
    let page = list(&mut server, "thread/turns/list", &thread, json!({}));
    assert_eq!(asked(&page), ["three", "two", "one"]);
    assert_eq!(page["nextCursor"], Value::Null);
    assert_eq!(page["data"][0]["itemsView"], "summary");
    let kinds: Vec<&str> = page["data"][0]["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["userMessage", "agentMessage"]);

    let page = list(&mut server, "thread/turns/list", &thread, json!({"itemsView": "notLoaded", "limit": 1}));
    assert_eq!((&page["data"][0]["items"], &page["data"][0]["itemsView"]), (&json!([]), &json!("notLoaded")));
    let page = list(&mut server, "thread/turns/list", &thread, json!({"limit": 0}));
    assert_eq!(asked(&page), ["three"]);
    let page = list(&mut server, "thread/turns/list", &thread, json!({"limit": 101}));
    assert_eq!(asked(&page).len(), 3);
}

#[test]
fn a_page_can_be_turned_back() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = thread_of(&scene, &mut server, &["one", "two", "three"]);
    let page = list(&mut server, "thread/turns/list", &thread, json!({"limit": 1}));
    let next = json!({"limit": 1, "cursor": page["nextCursor"]});
    let page = list(&mut server, "thread/turns/list", &thread, next);
    assert_eq!(asked(&page), ["two"]);
    let back = json!({"cursor": page["backwardsCursor"], "sortDirection": "asc"});
    assert_eq!(asked(&list(&mut server, "thread/turns/list", &thread, back)), ["two", "three"]);
    // What is new since the page was read is found from its beginning.
    let newest = list(&mut server, "thread/turns/list", &thread, json!({"limit": 1}));
    server.run_turn(&thread, "four");
    let news = json!({"cursor": newest["backwardsCursor"], "sortDirection": "asc"});
    assert_eq!(asked(&list(&mut server, "thread/turns/list", &thread, news)), ["three", "four"]);
}

#[test]
fn items_are_listed_of_one_turn_and_from_an_item_on() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = thread_of(&scene, &mut server, &["one", "two", "three"]);
    let turns = read(&mut server, &thread);
    let items = "thread/items/list";
    let of_two = json!({"turnId": turns[1]["id"], "sortDirection": "desc"});
    assert_eq!(item_texts(&list(&mut server, items, &thread, of_two)), ["answer", "two"]);
    let half = list(&mut server, items, &thread, json!({"turnId": turns[1]["id"], "limit": 1}));
    let rest = json!({"turnId": turns[1]["id"], "cursor": half["nextCursor"]});
    let rest = list(&mut server, items, &thread, rest);
    assert_eq!((item_texts(&rest), &rest["nextCursor"]), (vec!["answer".to_owned()], &Value::Null));

    let anchor = json!({"type": "item", "itemId": turns[1]["items"][0]["id"]});
    let page = list(&mut server, items, &thread, json!({"cursor": anchor}));
    assert_eq!(item_texts(&page), ["two", "answer", "three", "answer"]);
    let page = list(&mut server, items, &thread, json!({"cursor": anchor, "sortDirection": "desc"}));
    assert_eq!(item_texts(&page), ["two", "answer", "one"]);

    let cursor = json!({"type": "item", "itemId": "none"});
    assert_refused(&mut server, items, json!({"threadId": thread, "cursor": cursor}), "item not found: none");
    assert_refused(&mut server, items, json!({"threadId": thread, "turnId": "none"}), "turn not found: none");
}

#[test]
fn single_items_are_read_in_the_order_they_are_asked_for() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = thread_of(&scene, &mut server, &["one", "two"]);
    let turns = read(&mut server, &thread);
    let ids = [1, 0].map(|at| turns[1]["items"][at]["id"].clone());
    let of_other = &turns[0]["items"][0]["id"];
    let params = json!({
        "threadId": thread,
        "turnId": turns[1]["id"],
        "itemIds": [ids[0], "none", of_other, ids[1]],
    });
    let read = server.request("thread/items/read", params);
    assert_eq!(read["data"].as_array().unwrap(), &reversed(entries(&turns[1..])));
    let params = json!({"threadId": thread, "turnId": "none", "itemIds": []});
    assert_refused(&mut server, "thread/items/read", params, "turn not found: none");
}

#[test]
fn outputs_can_be_left_out() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = thread_of(&scene, &mut server, &["one"]);
    server.request("thread/shellCommand", json!({"threadId": thread, "command": "echo of-the-user"}));
    server.until_turn_completed(&thread);
    let last = json!({"limit": 1, "sortDirection": "desc"});
    let whole = list(&mut server, "thread/items/list", &thread, last.clone());
    let item = &whole["data"][0]["item"];
    assert_eq!(
        (&item["type"], &item["aggregatedOutput"]),
        (&json!("commandExecution"), &json!("of-the-user\n"))
    );
    let mut short = last;
    short["deferOutput"] = json!({"commandExecution": true});
    let short = list(&mut server, "thread/items/list", &thread, short);
    assert_eq!(short["data"][0]["item"]["id"], item["id"]);
    assert_eq!(short["data"][0]["item"]["aggregatedOutput"], Value::Null);
}

#[test]
fn a_cursor_counts_only_where_it_comes_from() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = thread_of(&scene, &mut server, &["one", "two"]);
    let other = thread_of(&scene, &mut server, &["other"]);
    let turns = list(&mut server, "thread/turns/list", &thread, json!({"limit": 1}))["nextCursor"].take();
    let items = list(&mut server, "thread/items/list", &thread, json!({"limit": 1}))["nextCursor"].take();
    for (method, thread, cursor) in [
        ("thread/turns/list", &thread, &json!("garbage")),
        ("thread/turns/list", &thread, &items),
        ("thread/turns/list", &other, &turns),
        ("thread/items/list", &thread, &json!("garbage")),
        ("thread/items/list", &thread, &turns),
        ("thread/items/list", &other, &items),
    ] {
        let text = format!("invalid cursor: {}", cursor.as_str().unwrap());
        assert_refused(&mut server, method, json!({"threadId": thread, "cursor": cursor}), &text);
    }
}

#[test]
fn paging_goes_on_where_a_dropped_turn_was() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = thread_of(&scene, &mut server, &["one", "two", "three"]);
    let page = list(&mut server, "thread/turns/list", &thread, json!({"limit": 1}));
    let items = list(&mut server, "thread/items/list", &thread, json!({"limit": 1, "sortDirection": "desc"}));
    server.request("thread/rollback", json!({"threadId": thread, "numTurns": 1}));
    server.take("thread/tokenUsage/updated");
    server.run_turn(&thread, "four");
    let older = json!({"cursor": page["nextCursor"]});
    assert_eq!(asked(&list(&mut server, "thread/turns/list", &thread, older)), ["two", "one"]);
    let newer = json!({"cursor": page["backwardsCursor"], "sortDirection": "asc"});
    assert_eq!(asked(&list(&mut server, "thread/turns/list", &thread, newer)), ["four"]);
    let newer = json!({"cursor": items["backwardsCursor"]});
    assert_eq!(item_texts(&list(&mut server, "thread/items/list", &thread, newer)), ["four", "answer"]);
}

#[test]
fn a_running_turn_is_listed_as_running() {
    let gate = Gate::new();
    let content = json!([{"type": "output_text", "text": "held"}]);
    let message = json!({"type": "message", "role": "assistant", "id": "msg_held", "content": content});
    let held = Answer::events([events::created("resp_held")])
        .gate(&gate)
        .and([events::item_done(&message), events::completed("resp_held", &usage(10, 5))]);
    let scene = Scene::new([Answer::message("answer"), held]);
    let mut server = scene.server();
    let thread = thread_of(&scene, &mut server, &["one"]);
    let running = server.start_turn(&thread, "two");
    scene.model.gate_reached(&gate);
    for view in ["notLoaded", "summary", "full"] {
        let page = list(&mut server, "thread/turns/list", &thread, json!({"itemsView": view}));
        let turn = &page["data"][0];
        assert_eq!((&turn["id"], &turn["status"]), (&json!(running), &json!("inProgress")));
        assert_eq!((&turn["itemsView"], &turn["completedAt"]), (&json!(view), &Value::Null));
        assert_eq!(page["data"][1]["status"], "completed");
    }
    let items = list(&mut server, "thread/items/list", &thread, json!({}));
    assert_eq!(item_texts(&items), ["one", "answer", "two"]);
    gate.open();
    server.until_turn_completed(&thread);
    assert_pages_are_the_whole(&mut server, &thread);
}

#[test]
fn a_thread_that_stores_no_turns_has_no_pages() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let empty = json!({"data": [], "nextCursor": null, "backwardsCursor": null});
    assert_eq!(list(&mut server, "thread/turns/list", &thread, json!({})), empty);
    assert_eq!(list(&mut server, "thread/items/list", &thread, json!({})), empty);

    let thread = server.start_thread_with(json!({"ephemeral": true, "cwd": scene.home.work()}));
    server.run_turn(&thread, "one");
    let text = format!("thread {thread} is ephemeral: its turns are not stored");
    for method in ["thread/turns/list", "thread/items/list"] {
        assert_refused(&mut server, method, json!({"threadId": thread}), &text);
    }
}

/// Going back from these cursors shows all of the thread.
fn assert_leads_back(server: &mut TestServer, thread: &str, answer: &Value, said: &[&str]) {
    let back = json!({"cursor": answer["turnsBackwardsCursor"]});
    assert_eq!(asked(&list(server, "thread/turns/list", thread, back)), said);
    let back = json!({"cursor": answer["itemsBackwardsCursor"], "sortDirection": "desc"});
    let items = item_texts(&list(server, "thread/items/list", thread, back));
    let all: Vec<&str> = said.iter().flat_map(|text| ["answer", text]).collect();
    assert_eq!(items, all);
}

#[test]
fn a_resume_and_a_revert_tell_where_to_go_back_from() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = thread_of(&scene, &mut server, &["one", "two", "three"]);
    let short = json!({"threadId": thread, "excludeTurns": true});
    let loaded = server.request("thread/resume", short.clone());
    server.take("thread/tokenUsage/updated");
    assert_leads_back(&mut server, &thread, &loaded, &["three", "two", "one"]);
    server.close();

    let mut server = scene.server();
    let mut params = short;
    params["initialTurnsPage"] = json!({"limit": 2});
    let resumed = server.request("thread/resume", params);
    server.take("thread/tokenUsage/updated");
    assert_eq!(resumed["thread"]["turns"], json!([]));
    assert_eq!(resumed["turnsBackwardsCursor"], loaded["turnsBackwardsCursor"]);
    assert_eq!(resumed["itemsBackwardsCursor"], loaded["itemsBackwardsCursor"]);
    assert_leads_back(&mut server, &thread, &resumed, &["three", "two", "one"]);
    let page = &resumed["initialTurnsPage"];
    assert_eq!(asked(page), ["three", "two"]);
    let next = json!({"cursor": page["nextCursor"]});
    assert_eq!(asked(&list(&mut server, "thread/turns/list", &thread, next)), ["one"]);

    let turns = read(&mut server, &thread);
    let reverted =
        server.request("thread/revert", json!({"threadId": thread, "beforeTurnId": turns[2]["id"]}));
    server.take("thread/reverted");
    assert_leads_back(&mut server, &thread, &reverted, &["two", "one"]);
    let reverted =
        server.request("thread/revert", json!({"threadId": thread, "beforeTurnId": turns[0]["id"]}));
    server.take("thread/reverted");
    assert_eq!(reverted["turnsBackwardsCursor"], Value::Null);
    assert_eq!(reverted["itemsBackwardsCursor"], Value::Null);
    // Its status changed with each.
    server.take_rest();
}
