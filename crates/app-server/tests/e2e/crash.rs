//! A server killed at any moment: what the client was told is in the file, as it was told.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, SystemTime};

use app_server_test_support::{Answer, BlockingMockModel, TestServer, events};
use serde_json::{Value, json};

use crate::Scene;

/// Set it when the tests are built to repeat what the model said and where the kills fell, as far as time allows.
const SEED: Option<&str> = option_env!("CRASH_SEED");

const LIMIT: Duration = Duration::from_secs(30);

/// Items that were told completed, by thread and turn in the order they were told.
#[derive(Default)]
struct Told {
    items: BTreeMap<(String, String), Vec<Value>>,
    /// Turns that were told to have ended, with how.
    ended: BTreeMap<(String, String), Value>,
}

impl Told {
    fn take(&mut self, messages: &[Value]) {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        for message in messages {
            let params = &message["params"];
            match message["method"].as_str() {
                Some("item/completed") => {
                    let turn = (text(&params["threadId"]), text(&params["turnId"]));
                    self.items.entry(turn).or_default().push(params["item"].clone());
                }
                Some("turn/completed") => {
                    let turn = (text(&params["threadId"]), text(&params["turn"]["id"]));
                    self.ended.insert(turn, params["turn"]["status"].clone());
                }
                _ => {}
            }
        }
    }

    fn threads(&self) -> Vec<String> {
        let mut threads: Vec<String> = self.items.keys().map(|(thread, _)| thread.clone()).collect();
        threads.dedup();
        threads
    }

    /// All of it is in the threads as they are stored, with the same ids and content, in the same order.
    fn assert_kept(&self, server: &mut TestServer) {
        for thread in self.threads() {
            let read = server.request("thread/read", json!({"threadId": thread, "includeTurns": true}));
            let turns = read["thread"]["turns"].as_array().unwrap();
            let stored = |id: &str| {
                let turn = turns.iter().find(|turn| turn["id"] == id);
                turn.unwrap_or_else(|| panic!("turn {id} of {thread} is lost"))
            };
            let of_thread = |key: &(String, String)| key.0 == thread;
            for ((_, id), told) in self.items.iter().filter(|(key, _)| of_thread(key)) {
                let is_told = |item: &&Value| told.iter().any(|other| other["id"] == item["id"]);
                let kept: Vec<&Value> =
                    stored(id)["items"].as_array().unwrap().iter().filter(is_told).collect();
                assert_eq!(json!(kept), json!(told), "turn {id} of {thread}");
            }
            for ((_, id), status) in self.ended.iter().filter(|(key, _)| of_thread(key)) {
                assert_eq!(&stored(id)["status"], status, "turn {id} of {thread}");
            }
        }
    }
}

/// A model that says something, thinks before it, runs a command or writes a file.
fn model(seed: u64) -> BlockingMockModel {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut calls = 0;
    BlockingMockModel::start_with(move |request| {
        let last = request.body["input"].as_array().and_then(|input| input.last());
        let is_told = last.is_some_and(|item| item["type"] == "function_call_output");
        let words = "word ".repeat(random.usize(1..40));
        calls += 1;
        let call = |script: String| {
            let arguments = json!({"command": script});
            Answer::response([events::function_call(&format!("call_{calls}"), "shell_command", &arguments)])
        };
        match random.u8(0..8) {
            0 if !is_told => call(format!("echo {calls}")),
            1 if !is_told => call(format!(
                "apply_patch <<'EOF'\n*** Begin Patch\n*** Add File: f{calls}\n+{words}\n*** End Patch\nEOF\n"
            )),
            2 | 3 => Answer::response([
                events::reasoning(&format!("rs_{calls}"), &["**Think**", &words]),
                events::message(&format!("msg_{calls}"), &words),
            ]),
            _ => Answer::response([events::message(&format!("msg_{calls}"), &words)]),
        }
    })
}

/// Begins a turn; its end is left to come.
fn begin(server: &mut TestServer, thread: &str, number: usize) {
    let input = json!([{"type": "text", "text": format!("question {number}")}]);
    server.start_request("turn/start", json!({"threadId": thread, "input": input}));
}

/// Runs turns in several threads, with a kill every few of them.
#[allow(clippy::print_stdout, reason = "a failed test shows it")]
fn crash(seed: u64, turns: usize) {
    println!("CRASH_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let scene = Scene::with_model(model(random.u64(..)));
    let mut told = Told::default();
    let mut done = 0;
    while done < turns {
        let mut server = scene.server();
        // A killed server leaves requests without an answer.
        server.without_checks();
        told.assert_kept(&mut server);
        let mut threads = told.threads();
        threads.reverse();
        threads.truncate(2);
        for thread in &threads {
            server.request("thread/resume", json!({"threadId": thread, "excludeTurns": true}));
        }
        while threads.len() < 2 {
            threads.push(scene.start_thread(&mut server));
        }
        for _ in 0..random.usize(0..8) {
            let thread = &threads[random.usize(..threads.len())];
            begin(&mut server, thread, done);
            server.until_turn_completed(thread);
            done += 1;
        }
        let before = server.connection().messages().len();
        for thread in &threads {
            begin(&mut server, thread, done);
            done += 1;
        }
        // A turn has some 10 messages and more, so the end comes anywhere in the two, or behind them.
        let wait = random.usize(0..24);
        let is_over = |messages: &[Value]| {
            let ends = messages.iter().filter(|message| message["method"] == "turn/completed").count();
            (messages.len() >= wait || ends == 2).then_some(())
        };
        server.connection().wait_within(LIMIT, |messages| is_over(&messages[before..])).unwrap();
        thread::sleep(Duration::from_micros(random.u64(0..2000)));
        server.connection().kill().unwrap();
        server.connection().wait_exit(LIMIT).unwrap();
        told.take(&server.connection().messages());
    }
    let mut server = scene.server();
    told.assert_kept(&mut server);
    // And every thread goes on.
    for thread in told.threads() {
        server.request("thread/resume", json!({"threadId": thread, "excludeTurns": true}));
        server.run_turn(&thread, "after all");
    }
    server.take_rest();
}

fn seed() -> u64 {
    match SEED.and_then(|seed| seed.parse().ok()) {
        Some(seed) => seed,
        None => SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64,
    }
}

#[test]
fn what_was_told_survives_a_kill_at_any_moment() {
    crash(seed(), 200);
}

#[test]
#[ignore = "the same for longer, by hand"]
fn what_was_told_survives_many_kills() {
    for round in 0..20 {
        crash(seed().wrapping_add(round), 400);
    }
}
