//! `thread/search` and `thread/searchOccurrences`.

use std::fs;

use app_server_test_support::{Answer, BlockingMockModel, TestServer};
use serde_json::{Value, json};

use super::{UNKNOWN, assert_refused, texts};
use crate::Scene;

/// Files of other writers: of the January form, of the form with numbered records.
const FOREIGN: [(&str, &str); 2] = [
    (
        "01950000-0000-7000-8000-000000000001",
        include_str!("../../../../rollout/tests/files/legacy_094.jsonl"),
    ),
    (
        "01950000-0000-7000-8000-000000000003",
        include_str!("../../../../rollout/tests/files/paginated_169.jsonl"),
    ),
];

/// A model that says what it is told to say after "say".
fn parrot() -> Scene {
    Scene::with_model(BlockingMockModel::start_with(|request| {
        let input = request.body["input"].as_array().cloned().unwrap_or_default();
        let asked = input.last().and_then(|item| item["content"][0]["text"].as_str()).unwrap_or_default();
        Answer::message(asked.strip_prefix("say ").unwrap_or("nothing"))
    }))
}

fn thread_of(scene: &Scene, server: &mut TestServer, words: &[&str]) -> String {
    let thread = scene.start_thread(server);
    for text in words {
        server.run_turn(&thread, text);
    }
    thread
}

fn found(answer: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let data = answer["data"].as_array().unwrap();
    data.iter().map(|result| (text(&result["thread"]["id"]), text(&result["snippet"]))).collect()
}

fn ids(answer: &Value) -> Vec<String> {
    found(answer).into_iter().map(|(id, _)| id).collect()
}

/// Asks for page after page and puts them together.
fn walk(server: &mut TestServer, method: &str, mut params: Value) -> Vec<Value> {
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

/// The marked part of each snippet, as a client in JavaScript cuts it out.
fn marked(answer: &Value) -> Vec<String> {
    let cut = |place: &Value| {
        let units: Vec<u16> = place["snippet"].as_str().unwrap().encode_utf16().collect();
        let at = |key: &str| usize::try_from(place["snippetMatchRange"][key].as_u64().unwrap()).unwrap();
        String::from_utf16(&units[at("start")..at("end")]).unwrap()
    };
    answer["data"].as_array().unwrap().iter().map(cut).collect()
}

#[test]
fn an_unknown_thread_is_refused() {
    let mut server = Scene::talkative().server();
    assert_refused(
        &mut server,
        "thread/searchOccurrences",
        json!({"threadId": UNKNOWN, "searchTerm": "word"}),
        &format!("thread not loaded: {UNKNOWN}"),
    );
}

#[test]
fn threads_are_found_by_what_was_said_and_by_name() {
    let scene = parrot();
    let mut server = scene.server();
    let asked = thread_of(&scene, &mut server, &["nothing here", "where is the Kraken\ntoday?"]);
    let answered = thread_of(&scene, &mut server, &["say the KRAKEN sleeps"]);
    let named = thread_of(&scene, &mut server, &["hello"]);
    server.request("thread/name/set", json!({"threadId": named, "name": "On krakens"}));
    server.take("thread/name/updated");
    thread_of(&scene, &mut server, &["hello"]);
    // What a command says is not what somebody said, and a thread that is not stored is not found.
    let quiet = thread_of(&scene, &mut server, &["hello"]);
    server.request("thread/shellCommand", json!({"threadId": quiet, "command": "echo kraken"}));
    server.until_turn_completed(&quiet);
    let ephemeral = server.start_thread_with(json!({"ephemeral": true, "cwd": scene.home.work()}));
    server.run_turn(&ephemeral, "kraken");

    let mut answer = server.request("thread/search", json!({"searchTerm": "kraken"}));
    let expected = [
        (named.clone(), "On krakens".to_owned()),
        (answered.clone(), "say the KRAKEN sleeps".to_owned()),
        (asked.clone(), "where is the Kraken today?".to_owned()),
    ];
    assert_eq!(found(&answer), expected);
    assert_eq!(answer["nextCursor"], Value::Null);
    let thread = answer["data"][2]["thread"].take();
    assert_eq!((&thread["status"], &thread["preview"]), (&json!({"type": "idle"}), &json!("nothing here")));
    assert_eq!(ids(&server.request("thread/search", json!({"searchTerm": "Leviathan"}))), [""; 0]);
    server.close();

    // In another process, of which nothing is loaded; and in the archive.
    let mut server = scene.server();
    let oldest_first = json!({"searchTerm": "KRAKEN", "sortDirection": "asc"});
    assert_eq!(ids(&server.request("thread/search", oldest_first)), [&*asked, &*answered, &*named]);
    server.request("thread/archive", json!({"threadId": answered}));
    server.take("thread/archived");
    let archived = json!({"searchTerm": "kraken", "archived": true});
    assert_eq!(ids(&server.request("thread/search", archived)), [&*answered]);
    assert_eq!(ids(&server.request("thread/search", json!({"searchTerm": "kraken"}))), [&*named, &*asked]);
    let of_exec = json!({"searchTerm": "kraken", "sourceKinds": ["exec"]});
    assert_eq!(ids(&server.request("thread/search", of_exec)), [""; 0]);
}

#[test]
fn what_was_said_in_a_dropped_turn_is_not_found() {
    let scene = parrot();
    let mut server = scene.server();
    let thread = thread_of(&scene, &mut server, &["the first kraken", "the second Kraken", "a squid"]);
    server.request("thread/rollback", json!({"threadId": thread, "numTurns": 2}));
    server.take("thread/tokenUsage/updated");
    let snippet = "the first kraken".to_owned();
    let answer = server.request("thread/search", json!({"searchTerm": "KRAKEN"}));
    assert_eq!(found(&answer), [(thread.clone(), snippet)]);
    for term in ["second", "squid"] {
        assert_eq!(ids(&server.request("thread/search", json!({"searchTerm": term}))), [""; 0]);
        let places = json!({"searchTerm": term, "threadId": thread});
        assert_eq!(server.request("thread/searchOccurrences", places)["data"], json!([]));
    }
}

/// Puts a thread into the home as another writer would.
fn put(scene: &Scene, time: &str, id: &str, text: &str) {
    let day = scene.home.home().join("sessions").join(time[..10].replace('-', "/"));
    fs::create_dir_all(&day).unwrap();
    fs::write(day.join(format!("rollout-{time}-{id}.jsonl")), text).unwrap();
}

#[test]
fn many_threads_are_searched_page_by_page_in_their_order() {
    let scene = Scene::talkative();
    let mut with_word = Vec::new();
    for number in 0..200 {
        let id = format!("0195bbbb-0000-7000-8000-{number:012}");
        let time = format!("2026-03-{:02}T{:02}-00-00", 1 + number / 24, number % 24);
        let has_word = number % 3 == 0 || number > 150;
        let word = if has_word { "needle" } else { "hay" };
        let meta = json!({"id": id, "timestamp": "", "cwd": "/w", "originator": "probe", "cli_version": "1", "source": "cli"});
        let asked = json!({"type": "user_message", "message": "first"});
        let said = json!({"type": "agent_message", "message": format!("a {word}")});
        let line = |kind: &str, payload: &Value| {
            json!({"timestamp": "2026-03-01T09:00:00.000Z", "type": kind, "payload": payload}).to_string()
                + "\n"
        };
        let lines =
            [line("session_meta", &meta), line("event_msg", &asked), line("event_msg", &said)].concat();
        put(&scene, &time, &id, &lines);
        if has_word {
            with_word.insert(0, id);
        }
    }
    let mut server = scene.server();
    for limit in [1, 7, 50, 100] {
        let newest = json!({"searchTerm": "needle", "limit": limit});
        let of = |results: Vec<Value>| ids(&json!({"data": results}));
        assert_eq!(of(walk(&mut server, "thread/search", newest.clone())), with_word, "pages of {limit}");
        let mut oldest = newest;
        oldest["sortDirection"] = json!("asc");
        let mut found = of(walk(&mut server, "thread/search", oldest));
        found.reverse();
        assert_eq!(found, with_word, "pages of {limit}, oldest first");
    }
    let page = server.request("thread/search", json!({"searchTerm": "needle", "limit": 5}));
    let next = json!({"searchTerm": "needle", "limit": 5, "cursor": page["nextCursor"]});
    let next = server.request("thread/search", next);
    assert_eq!(ids(&next), with_word[5..10]);
    let back = json!({"searchTerm": "needle", "sortDirection": "asc", "cursor": next["backwardsCursor"]});
    let mut back = ids(&server.request("thread/search", back));
    back.reverse();
    assert_eq!(back, with_word[..6]);
}

#[test]
fn threads_of_other_writers_are_searched() {
    let scene = Scene::talkative();
    for (id, text) in FOREIGN {
        put(&scene, "2026-03-01T09-00-00", id, text);
    }
    let mut server = scene.server();
    for stored in server.request("thread/list", json!({}))["data"].as_array().unwrap() {
        let id = &stored["id"];
        // Whatever was said in it is found, where it was said.
        let read = server.request("thread/read", json!({"threadId": id, "includeTurns": true}));
        for turn in read["thread"]["turns"].as_array().unwrap() {
            for item in turn["items"].as_array().unwrap() {
                if !matches!(item["type"].as_str(), Some("userMessage" | "agentMessage")) {
                    continue;
                }
                let text = texts(&json!([{"items": [item]}])).remove(0);
                let term = text.to_uppercase();
                let all = server.request("thread/search", json!({"searchTerm": term}));
                assert!(ids(&all).iter().any(|found| *id == found.as_str()), "{term} in {id}: {all}");
                let places =
                    server.request("thread/searchOccurrences", json!({"threadId": id, "searchTerm": term}));
                let is_it = |place: &Value| place["turnId"] == turn["id"] && place["itemId"] == item["id"];
                assert!(places["data"].as_array().unwrap().iter().any(is_it), "{term} in {id}: {places}");
            }
        }
    }
}

#[test]
fn the_places_of_a_text_are_those_of_the_items() {
    let scene = parrot();
    let mut server = scene.server();
    let thread = thread_of(
        &scene,
        &mut server,
        &["one fish, two Fish", "no more", "say red FISH 😀 blue fish", "at last a fish"],
    );
    let read = server.request("thread/read", json!({"threadId": thread, "includeTurns": true}));
    let turns = &read["thread"]["turns"];
    let params = json!({"threadId": thread, "searchTerm": "fish"});
    let whole = server.request("thread/searchOccurrences", params.clone());
    assert_eq!(marked(&whole), ["fish", "Fish", "FISH", "fish", "FISH", "fish", "fish"]);
    let at = |turn: usize, item: usize| (turns[turn]["id"].clone(), turns[turn]["items"][item]["id"].clone());
    let expected = [at(0, 0), at(0, 0), at(2, 0), at(2, 0), at(2, 1), at(2, 1), at(3, 0)];
    let places: Vec<(Value, Value)> = whole["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|place| (place["turnId"].clone(), place["itemId"].clone()))
        .collect();
    assert_eq!(places, expected);
    assert_eq!(whole["nextCursor"], Value::Null);
    for limit in 1..8 {
        let mut params = params.clone();
        params["limit"] = json!(limit);
        let walked = walk(&mut server, "thread/searchOccurrences", params);
        assert_eq!(json!(walked), whole["data"], "pages of {limit}");
    }
    let from = json!({"threadId": thread, "cursor": whole["data"][2]["turnCursor"], "sortDirection": "asc"});
    let page = server.request("thread/turns/list", from);
    assert_eq!(page["data"][0]["id"], turns[2]["id"]);
    server.close();

    // Stored only, and archived.
    let mut server = scene.server();
    assert_eq!(server.request("thread/searchOccurrences", params.clone()), whole);
    server.request("thread/archive", json!({"threadId": thread}));
    server.take("thread/archived");
    assert_eq!(server.request("thread/searchOccurrences", params), whole);
}

#[test]
fn paging_goes_on_where_the_turn_of_a_place_was_dropped() {
    let scene = parrot();
    let mut server = scene.server();
    let thread = thread_of(&scene, &mut server, &["fish 1", "fish 2", "fish 3"]);
    let params = json!({"threadId": thread, "searchTerm": "fish", "limit": 2});
    let page = server.request("thread/searchOccurrences", params.clone());
    server.request("thread/rollback", json!({"threadId": thread, "numTurns": 2}));
    server.take("thread/tokenUsage/updated");
    server.run_turn(&thread, "fish 4");
    let mut next = params;
    next["cursor"] = page["nextCursor"].clone();
    let rest = server.request("thread/searchOccurrences", next);
    assert_eq!(rest["data"][0]["snippet"], "fish 4");
    assert_eq!(rest["data"].as_array().unwrap().len(), 1);
}

#[test]
fn a_search_that_makes_no_sense_is_refused() {
    let scene = parrot();
    let mut server = scene.server();
    let thread = thread_of(&scene, &mut server, &["fish and fish"]);
    let other = thread_of(&scene, &mut server, &["fish"]);
    let empty = "searchTerm must not be empty";
    for term in ["", " \n"] {
        assert_refused(&mut server, "thread/search", json!({"searchTerm": term}), empty);
        let params = json!({"threadId": thread, "searchTerm": term});
        assert_refused(&mut server, "thread/searchOccurrences", params, empty);
    }
    let page = json!({"threadId": thread, "searchTerm": "fish", "limit": 1});
    let cursor = server.request("thread/searchOccurrences", page)["nextCursor"].take();
    for (thread, cursor) in [(&thread, "garbage"), (&other, cursor.as_str().unwrap())] {
        let params = json!({"threadId": thread, "searchTerm": "fish", "cursor": cursor});
        assert_refused(&mut server, "thread/searchOccurrences", params, &format!("invalid cursor: {cursor}"));
    }
    let params = json!({"searchTerm": "fish", "cursor": "garbage"});
    assert_refused(&mut server, "thread/search", params, "invalid cursor: garbage");

    let params = json!({"threadId": scene.start_thread(&mut server), "searchTerm": "fish"});
    let nothing = json!({"data": [], "nextCursor": null});
    assert_eq!(server.request("thread/searchOccurrences", params), nothing);
    let thread = server.start_thread_with(json!({"ephemeral": true, "cwd": scene.home.work()}));
    let text = format!("thread {thread} is ephemeral: its turns are not stored");
    let params = json!({"threadId": thread, "searchTerm": "fish"});
    assert_refused(&mut server, "thread/searchOccurrences", params, &text);
}
