//! The process: load, slow and vanishing clients, signals, the end of the input.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use app_server_test_support::model::usage;
use app_server_test_support::{Answer, Connection, Gate, events};
use serde_json::{Value, json};

use crate::{BINARY, Scene, turn_status};

const LIMIT: Duration = Duration::from_secs(30);
/// Clients send SIGKILL 2 s after SIGTERM.
const QUICK: Duration = Duration::from_millis(1500);

#[test]
fn every_request_of_a_burst_has_one_answer() {
    const REQUESTS: usize = 3000;
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    server.run_turn(&thread, "one");
    let unknown = "0199a213-81c0-7800-8aa1-bbab2a035a53";
    let mut ids = Vec::new();
    for index in 0..REQUESTS {
        ids.push(match index % 6 {
            0 => server.start_request("thread/loaded/list", json!({})),
            1 => server.start_request("thread/list", json!({"limit": 3})),
            2 => server.start_request("thread/read", json!({"threadId": thread})),
            3 => server.start_request("turn/interrupt", json!({"threadId": unknown, "turnId": unknown})),
            4 => server.start_request("no/such", json!({})),
            _ => server
                .start_request("thread/name/set", json!({"threadId": thread, "name": format!("n{index}")})),
        });
    }
    let messages = server.until("the last answer", {
        let mut left = REQUESTS;
        move |message| {
            left -= usize::from(message.get("method").is_none());
            left == 0
        }
    });
    let mut answers: BTreeMap<String, usize> = BTreeMap::new();
    for message in messages.iter().filter(|message| message.get("method").is_none()) {
        *answers.entry(message["id"].to_string()).or_default() += 1;
    }
    assert!(ids.iter().all(|id| answers.get(&id.to_string()) == Some(&1)));
    assert_eq!(answers.len(), REQUESTS);
    // Requests that name one thread are taken in order.
    let mut names: Vec<Value> = messages
        .iter()
        .chain(&server.close())
        .filter(|message| message["method"] == "thread/name/updated")
        .map(|message| message["params"]["threadName"].clone())
        .collect();
    assert_eq!(names.len(), REQUESTS / 6);
    assert_eq!(names.pop(), Some(json!("n2999")));
}

/// The client reads nothing while the model says half of it, then everything. Producers may be made to wait for the
/// client, so nobody can wait for more.
#[test]
fn a_slow_client_gets_everything_in_order() {
    const DELTAS: usize = 5000;
    let text = |index: usize| format!("{index:05}{}", "x".repeat(1024));
    let whole: String = (0..DELTAS).map(text).collect();
    let added = json!({"type": "message", "role": "assistant", "id": "msg_1", "content": []});
    let content = json!([{"type": "output_text", "text": whole}]);
    let done = json!({"type": "message", "role": "assistant", "id": "msg_1", "content": content});
    let delta = |index: usize| json!({"type": "response.output_text.delta", "item_id": "msg_1", "delta": text(index)});
    let half_sent = Gate::new();
    let answer = Answer::events([events::created("resp_1"), events::item_added(&added)])
        .and((0..DELTAS / 2).map(delta))
        .gate(&half_sent)
        .and((DELTAS / 2..DELTAS).map(delta))
        .and([events::item_done(&done), events::completed("resp_1", &usage(10, 5))]);
    let scene = Scene::new([answer]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    server.start_turn(&thread, "talk");
    server.connection().pause_reading();
    scene.model.gate_reached(&half_sent);
    half_sent.open();
    server.connection().resume_reading();
    let messages = server.until_turn_completed(&thread);
    assert_eq!(turn_status(&messages), "completed");
    let deltas: String = messages
        .iter()
        .filter(|message| message["method"] == "item/agentMessage/delta")
        .map(|message| message["params"]["delta"].as_str().unwrap())
        .collect();
    assert!(deltas == whole, "{} of {} bytes came, or not in order", deltas.len(), whole.len());
    assert!(crate::answer_text(&messages) == whole);
}

#[test]
fn what_was_read_is_answered_after_the_end_of_the_input() {
    let gate = Gate::new();
    let scene = Scene::new([Answer::events([events::created("resp_1")]).gate(&gate)]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    server.start_turn(&thread, "long work");
    scene.model.gate_reached(&gate);
    let ids: Vec<Value> = (0..100)
        .map(|_| server.start_request("thread/read", json!({"threadId": thread, "includeTurns": true})))
        .collect();
    server.connection().close_input();
    server.expect_exit();
    for id in &ids {
        assert!(server.answer(id).get("result").is_some());
    }
    // The turn that ran is told of, or not; nobody may wait for it.
    server.take_rest();
}

#[test]
fn a_signal_ends_the_process_quickly() {
    for is_reading in [true, false] {
        let gate = Gate::new();
        let scene = Scene::new([Answer::events([events::created("resp_1")]).gate(&gate)]);
        let mut server = scene.server();
        let thread = scene.start_thread(&mut server);
        server.start_turn(&thread, "long work");
        scene.model.gate_reached(&gate);
        if !is_reading {
            server.connection().pause_reading();
        }
        let start = Instant::now();
        server.connection().terminate().unwrap();
        let status = server.connection().wait_exit(LIMIT).unwrap();
        assert!(status.success(), "{status}");
        assert!(start.elapsed() < QUICK, "{:?}", start.elapsed());
        server.take_rest();
    }
}

#[test]
fn an_idle_process_ends_with_its_input() {
    let scene = Scene::new([]);
    let mut server = scene.server();
    let start = Instant::now();
    assert_eq!(server.close(), Vec::<Value>::new());
    assert!(start.elapsed() < QUICK, "{:?}", start.elapsed());
}

#[test]
fn a_client_that_went_away_ends_the_process() {
    let scene = Scene::talkative();
    let mut server = Connection::spawn(&[BINARY.to_owned()], &scene.home, &[]).unwrap();
    let initialize =
        json!({"method": "initialize", "id": 0, "params": {"clientInfo": {"name": "p", "version": "1"}}});
    server.send_line(initialize.to_string().as_bytes()).unwrap();
    server.wait_within(LIMIT, |messages| messages.first().map(|_| ())).unwrap();
    server.give_up_reading();
    let request = json!({"method": "thread/loaded/list", "id": 1, "params": {}}).to_string();
    // The reader takes one more line before it goes.
    server.send_line(request.as_bytes()).unwrap();
    server.wait_within(LIMIT, |_| None::<()>).unwrap_err();
    // The server may have noticed already.
    let _ = server.send_line(request.as_bytes());
    server.wait_exit(LIMIT).unwrap();
    assert!(!server.stderr().contains("panicked"), "{}", server.stderr());
}
