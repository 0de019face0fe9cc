//! Compaction: `thread/compact/start`, under its older name as well, and by itself when a thread has become too long.

use std::collections::VecDeque;
use std::fs;

use app_server_test_support::model::usage;
use app_server_test_support::{Answer, BlockingMockModel, Gate, TestServer, events};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use super::{UNKNOWN, assert_refused, texts};
use crate::{Scene, answer_text, outline, turn_status};

/// Every answer of [`scene`] counts more, and what is left after a compaction less.
const LIMIT: &str = "model_auto_compact_token_limit = 5000";

/// A whole response with one message, for so many tokens.
fn answer(text: &str, tokens: u64) -> Answer {
    Answer::events([events::created("resp_1")])
        .and(events::message("msg_1", text))
        .and([events::completed("resp_1", &usage(tokens - 5, 5))])
}

fn too_long() -> Answer {
    Answer::events([events::created("resp_1"), events::failed("context_length_exceeded", "too long")])
}

/// A stream that breaks off.
fn broken() -> Answer {
    Answer::events([events::created("resp_1")]).cut()
}

fn is_summary(body: &Value) -> bool {
    body["tools"] == json!([])
}

/// A model that sums up as these answers say, then with "a note", and answers everything else for so many tokens.
fn scene(config: &str, tokens: u64, summaries: impl IntoIterator<Item = Answer>) -> Scene {
    let mut summaries: VecDeque<Answer> = summaries.into_iter().collect();
    let model = BlockingMockModel::start_with(move |request| match is_summary(&request.body) {
        true => summaries.pop_front().unwrap_or_else(|| Answer::message("a note")),
        false => answer("answer", tokens),
    });
    configured(Scene::with_model(model), config)
}

fn configured(scene: Scene, config: &str) -> Scene {
    scene.home.write_mock_config(&scene.model.base_url(), config).unwrap();
    scene
}

fn turn(server: &mut TestServer, thread: &str, text: &str) -> Vec<Value> {
    server.start_turn(thread, text);
    server.until_turn_completed(thread)
}

/// Compacts the thread and returns all that is told of it, the answer first.
fn compact(server: &mut TestServer, thread: &str) -> Vec<Value> {
    server.start_request("thread/compact/start", json!({"threadId": thread}));
    server.until_turn_completed(thread)
}

/// All texts of a request to the model.
fn prompt(body: &Value) -> Vec<String> {
    let items = body["input"].as_array().unwrap();
    items.iter().map(|item| item["content"][0]["text"].as_str().unwrap_or_default().to_owned()).collect()
}

/// What a request had of the conversation, notes and cuts marked as such.
fn told(body: &Value) -> Vec<String> {
    let is_context = |text: &str| {
        ["<permissions", "<environment_context", "# AGENTS.md"].iter().any(|start| text.starts_with(start))
    };
    let texts = prompt(body).into_iter().filter(|text| !is_context(text));
    texts
        .map(|text| match text.split_once(" The note:\n") {
            Some((_, note)) => format!("[{note}]"),
            None if text.contains("was cut, without a summary") => "[cut]".to_owned(),
            None => text,
        })
        .collect()
}

fn last_request(scene: &Scene) -> Value {
    scene.model.model().requests().pop().unwrap().body
}

fn summaries(scene: &Scene) -> Vec<Value> {
    let bodies = scene.model.model().requests().into_iter().map(|request| request.body);
    bodies.filter(is_summary).collect()
}

fn warnings(messages: &[Value]) -> Vec<&str> {
    let warnings = messages.iter().filter(|message| message["method"] == "warning");
    warnings.map(|message| message["params"]["message"].as_str().unwrap()).collect()
}

fn read(server: &mut TestServer, thread: &str) -> Value {
    server.request("thread/read", json!({"threadId": thread, "includeTurns": true}))["thread"]["turns"].take()
}

fn rollout(scene: &Scene) -> String {
    fs::read_to_string(scene.home.rollouts().unwrap().remove(0)).unwrap()
}

/// In a new process the model is told the same before the next words.
#[track_caller]
fn assert_same_after_restart(scene: &Scene, server: &mut TestServer, thread: &str, expected: &[&str]) {
    turn(server, thread, "probe");
    assert_eq!(told(&last_request(scene)), expected);
    let turns = read(server, thread);
    server.close();
    let mut server = scene.server();
    let resumed = server.request("thread/resume", json!({"threadId": thread}));
    assert_eq!(resumed["thread"]["turns"], turns);
    server.request("thread/rollback", json!({"threadId": thread, "numTurns": 1}));
    turn(&mut server, thread, "probe");
    assert_eq!(told(&last_request(scene)), expected);
}

#[test]
fn an_unknown_thread_is_refused() {
    let mut server = Scene::talkative().server();
    assert_refused(
        &mut server,
        "thread/compact/start",
        json!({"threadId": UNKNOWN}),
        &format!("thread not found: {UNKNOWN}"),
    );
    assert_refused(
        &mut server,
        "thread/compact",
        json!({"threadId": UNKNOWN}),
        &format!("thread not found: {UNKNOWN}"),
    );
}

#[test]
fn a_thread_is_compacted_when_the_client_wants_it() {
    let scene = scene("", 100, []);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    turn(&mut server, &thread, "one");
    turn(&mut server, &thread, "two");
    let messages = compact(&mut server, &thread);
    assert_eq!(
        outline(&messages),
        [
            "answer",
            "thread/status/changed active",
            "turn/started",
            "item/started contextCompaction",
            "thread/tokenUsage/updated",
            "thread/tokenUsage/updated",
            "item/completed contextCompaction",
            "thread/compacted",
            "thread/status/changed idle",
            "turn/completed",
        ]
    );
    assert_eq!(messages[0]["result"], json!({}));
    let turn_id = &messages[2]["params"]["turn"]["id"];
    assert_eq!(messages[7]["params"], json!({"threadId": thread, "turnId": turn_id}));
    assert_eq!(messages[9]["params"]["turn"]["itemsView"], "notLoaded");
    let usage = |at: usize| &messages[at]["params"]["tokenUsage"];
    assert_eq!(
        (&usage(4)["total"]["totalTokens"], &usage(4)["last"]["totalTokens"]),
        (&json!(215), &json!(15))
    );
    assert_eq!(usage(5)["total"], usage(4)["total"]);
    assert_eq!(usage(5)["last"]["inputTokens"], 0);
    assert!((100..5_000).contains(&usage(5)["last"]["totalTokens"].as_i64().unwrap()), "{}", usage(5));

    let asked = summaries(&scene).remove(0);
    assert_eq!(told(&asked)[..4], ["one", "answer", "two", "answer"]);
    assert_eq!((told(&asked).len(), &asked["parallel_tool_calls"]), (5, &json!(false)));

    let turns = read(&mut server, &thread);
    let compaction = &turns[2];
    assert_eq!((&compaction["id"], &compaction["status"]), (turn_id, &json!("completed")));
    let items = compaction["items"].as_array().unwrap();
    assert_eq!(items.len(), 1);
    assert_eq!(
        (&items[0]["type"], &items[0]["id"]),
        (&json!("contextCompaction"), &messages[6]["params"]["item"]["id"])
    );
    assert_eq!(texts(&turns), ["one", "answer", "two", "answer"], "the note is not shown");

    turn(&mut server, &thread, "three");
    let prompt = prompt(&last_request(&scene));
    assert_eq!(prompt.iter().filter(|text| text.starts_with("<environment_context")).count(), 1);
    assert!(prompt[0].starts_with("<permissions"), "{prompt:?}");
    let expected = ["one", "two", "[a note]", "three", "answer", "probe"];
    assert_same_after_restart(&scene, &mut server, &thread, &expected);
}

#[test]
fn the_older_name_and_a_prompt_of_the_users_own() {
    let scene = scene("compact_prompt = \"Shorten this.\"", 100, [Answer::message("")]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    turn(&mut server, &thread, "one");
    server.start_request("thread/compact", json!({"threadId": thread}));
    let messages = server.until_turn_completed(&thread);
    assert_eq!(turn_status(&messages), "completed");
    assert_eq!(prompt(&summaries(&scene)[0]).pop().unwrap(), "Shorten this.");
    assert_same_after_restart(&scene, &mut server, &thread, &["one", "[(It is empty.)]", "probe"]);
}

#[test]
fn a_thread_without_a_history_has_nothing_to_sum_up() {
    let scene = scene("", 100, []);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let messages = compact(&mut server, &thread);
    assert_eq!(turn_status(&messages), "completed");
    assert!(outline(&messages).contains(&"thread/compacted".to_owned()));
    assert!(summaries(&scene).is_empty());
    assert_same_after_restart(&scene, &mut server, &thread, &["probe"]);
}

#[test]
fn a_long_thread_is_compacted_before_the_next_words() {
    let scene = scene(LIMIT, 6_000, []);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let first = turn(&mut server, &thread, "one");
    assert!(!outline(&first).contains(&"thread/compacted".to_owned()), "the answer was the last one");
    let messages = turn(&mut server, &thread, "two");
    assert_eq!(
        outline(&messages)[..10],
        [
            "thread/status/changed active",
            "turn/started",
            "item/started contextCompaction",
            "thread/tokenUsage/updated",
            "thread/tokenUsage/updated",
            "item/completed contextCompaction",
            "thread/compacted",
            "item/started userMessage",
            "item/completed userMessage",
            "item/started agentMessage",
        ]
    );
    assert_eq!(told(&last_request(&scene)), ["one", "[a note]", "two"]);
    let turns = read(&mut server, &thread);
    let kinds: Vec<&str> =
        turns[1]["items"].as_array().unwrap().iter().map(|item| item["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["contextCompaction", "userMessage", "agentMessage"]);
    // The note of the first compaction is not kept beside that of the second.
    let expected = ["one", "two", "[a note]", "probe"];
    turn(&mut server, &thread, "probe");
    assert_eq!(told(&last_request(&scene)), expected);
    server.close();
    let mut server = scene.server();
    server.request("thread/resume", json!({"threadId": thread}));
    server.request("thread/rollback", json!({"threadId": thread, "numTurns": 1}));
    turn(&mut server, &thread, "probe");
    assert_eq!(told(&last_request(&scene)).last().unwrap(), "probe");
    server.request("thread/rollback", json!({"threadId": thread, "numTurns": 2}));
    server.close();
    let mut server = scene.server();
    server.request("thread/resume", json!({"threadId": thread}));
    compact(&mut server, &thread);
    assert_eq!(
        told(summaries(&scene).last().unwrap())[..2],
        ["one", "answer"],
        "compactions were taken back"
    );
}

#[test]
fn a_turn_that_grows_too_long_is_compacted_within() {
    let arguments = json!({"command": "echo of-the-tool"});
    let call = |tokens: u64| {
        Answer::events([events::created("resp_1")])
            .and(events::function_call("call_1", "shell_command", &arguments))
            .and([events::completed("resp_1", &usage(tokens, 5))])
    };
    let answers = [call(6_000), Answer::message("a note"), call(6_000), answer("done", 6_000)];
    let scene = configured(Scene::new(answers), LIMIT);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let messages = turn(&mut server, &thread, "work");
    assert_eq!((turn_status(&messages), answer_text(&messages)), ("completed", "done"));
    let requests: Vec<Value> = scene.model.requests_seen(4).into_iter().map(|request| request.body).collect();
    assert!(is_summary(&requests[1]) && requests[1].to_string().contains("of-the-tool"));
    assert_eq!(told(&requests[2]), ["work", "[a note]"]);
    assert!(!requests[2].to_string().contains("call_1"), "{}", requests[2]);
    // It did not help, so the turn goes on without another.
    assert!(!is_summary(&requests[3]) && requests[3].to_string().contains("of-the-tool"));
    let names = outline(&messages);
    let at = |name: &str| names.iter().position(|known| known == name).unwrap();
    assert!(at("item/completed commandExecution") < at("item/started contextCompaction"));
    assert!(at("thread/compacted") < at("item/completed agentMessage"));
}

#[test]
fn a_history_that_does_not_fit_is_summed_up_in_part() {
    let scene = scene("", 100, [too_long(), Answer::text(413, "too large"), Answer::message("in part")]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    for text in ["one", "two", "three"] {
        turn(&mut server, &thread, text);
    }
    let messages = compact(&mut server, &thread);
    assert_eq!((turn_status(&messages), warnings(&messages).len()), ("completed", 0));
    let asked = summaries(&scene);
    let sizes: Vec<usize> = asked.iter().map(|body| prompt(body).len()).collect();
    assert_eq!(sizes, [sizes[0], sizes[0] - 1, sizes[0] - 3]);
    let expected = ["one", "two", "three", "[in part]", "probe"];
    assert_same_after_restart(&scene, &mut server, &thread, &expected);
}

#[test]
fn what_cannot_be_summed_up_at_all_is_cut() {
    let scene = scene("", 100, std::iter::repeat_with(too_long).take(50));
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    for text in ["one", "two"] {
        turn(&mut server, &thread, text);
    }
    let messages = compact(&mut server, &thread);
    assert_eq!(turn_status(&messages), "completed");
    assert_eq!(warnings(&messages).len(), 1);
    assert!(outline(&messages).contains(&"thread/compacted".to_owned()));
    assert!((3..10).contains(&summaries(&scene).len()), "each time more is left out");
    assert_same_after_restart(&scene, &mut server, &thread, &["one", "two", "[cut]", "probe"]);
}

#[test]
fn a_full_window_is_made_room_in() {
    let mut is_full = false;
    let model = BlockingMockModel::start_with(move |request| {
        is_full |= request.body.to_string().contains("\"overflow\"");
        match is_full && (is_summary(&request.body) || request.body.to_string().contains("\"answer\"")) {
            true => too_long(),
            false => answer("answer", 100),
        }
    });
    let scene = Scene::with_model(model);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    turn(&mut server, &thread, "one");
    assert_eq!(turn_status(&turn(&mut server, &thread, "overflow")), "failed");
    let messages = turn(&mut server, &thread, "two");
    assert_eq!((turn_status(&messages), warnings(&messages).len()), ("completed", 1));
    assert_eq!(told(&last_request(&scene)), ["one", "overflow", "[cut]", "two"]);
}

#[test]
fn a_summary_that_fails_costs_no_history() {
    let scene = scene(LIMIT, 6_000, [broken(), broken()]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    turn(&mut server, &thread, "one");
    // By itself it is not needed yet, as there is room left.
    let messages = turn(&mut server, &thread, "two");
    assert_eq!((turn_status(&messages), warnings(&messages).len()), ("completed", 1));
    assert!(!outline(&messages).contains(&"item/completed contextCompaction".to_owned()));
    assert_eq!(told(&last_request(&scene)), ["one", "answer", "two"]);
    let messages = compact(&mut server, &thread);
    assert_eq!(turn_status(&messages), "failed");
    compact(&mut server, &thread);
    assert_eq!(told(&summaries(&scene)[2])[..4], ["one", "answer", "two", "answer"]);
}

#[test]
fn without_room_for_more_a_summary_that_fails_is_done_without() {
    let scene = scene("model_context_window = 6000", 5_900, [broken()]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    turn(&mut server, &thread, "one");
    let messages = turn(&mut server, &thread, "two");
    assert_eq!((turn_status(&messages), warnings(&messages).len()), ("completed", 1));
    assert_eq!(told(&last_request(&scene)), ["one", "[cut]", "two"]);
}

#[test]
fn a_refused_summary_fails_the_turn_and_keeps_the_words() {
    let limit = json!({"error": {"type": "usage_limit_reached", "plan_type": "pro"}});
    for refusal in [Answer::text(401, "no"), Answer::json(429, &limit)] {
        let scene = scene(LIMIT, 6_000, [refusal]);
        let mut server = scene.server();
        let thread = scene.start_thread(&mut server);
        turn(&mut server, &thread, "one");
        let messages = turn(&mut server, &thread, "two");
        assert_eq!(turn_status(&messages), "failed");
        assert!(outline(&messages).contains(&"item/completed userMessage".to_owned()));
        turn(&mut server, &thread, "three");
        assert_eq!(told(&summaries(&scene)[1])[..3], ["one", "answer", "two"]);
        assert_eq!(told(&last_request(&scene)), ["one", "two", "[a note]", "three"]);
    }
}

/// A summary that waits at the gate.
fn held(gate: &Gate) -> Answer {
    Answer::events([events::created("resp_1")])
        .gate(gate)
        .and(events::message("msg_1", "a note"))
        .and([events::completed("resp_1", &usage(10, 5))])
}

#[test]
fn a_compaction_takes_no_input_and_can_be_interrupted() {
    let gate = Gate::new();
    let scene = scene("", 100, [held(&gate)]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    turn(&mut server, &thread, "one");
    server.request("thread/compact/start", json!({"threadId": thread}));
    let started = server.take("turn/started");
    let id = started["params"]["turn"]["id"].as_str().unwrap();
    scene.model.gate_reached(&gate);
    let input = json!([{"type": "text", "text": "more"}]);
    let steer = json!({"threadId": thread, "expectedTurnId": id, "input": input});
    for (method, params) in
        [("turn/steer", steer), ("turn/start", json!({"threadId": thread, "input": input}))]
    {
        let error = server.request_error(method, params);
        let data = json!({"codexErrorInfo": {"activeTurnNotSteerable": {"turnKind": "compact"}}});
        assert_eq!((&error["code"], &error["data"]), (&json!(-32600), &data), "{method}");
    }
    let text = "cannot compact while a turn is in progress";
    assert_refused(&mut server, "thread/compact/start", json!({"threadId": thread}), text);
    server.request("turn/interrupt", json!({"threadId": thread, "turnId": id}));
    let messages = server.until_turn_completed(&thread);
    assert_eq!(turn_status(&messages), "interrupted");
    assert!(!outline(&messages).contains(&"item/completed contextCompaction".to_owned()));
    gate.open();
    assert_same_after_restart(&scene, &mut server, &thread, &["one", "answer", "probe"]);
}

#[test]
fn an_interrupt_before_the_words_keeps_them() {
    let gate = Gate::new();
    let scene = scene(LIMIT, 6_000, [held(&gate)]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    turn(&mut server, &thread, "one");
    let id = server.start_turn(&thread, "two");
    scene.model.gate_reached(&gate);
    let error = json!({"threadId": thread});
    assert_refused(&mut server, "thread/compact/start", error, "cannot compact while a turn is in progress");
    server.request("turn/interrupt", json!({"threadId": thread, "turnId": id}));
    assert_eq!(turn_status(&server.until_turn_completed(&thread)), "interrupted");
    gate.open();
    assert_eq!(texts(&read(&mut server, &thread)), ["one", "answer", "two"]);
    turn(&mut server, &thread, "three");
    assert_eq!(told(&last_request(&scene)), ["one", "two", "[a note]", "three"]);
}

#[test]
fn what_comes_while_a_summary_is_made_stays() {
    let gate = Gate::new();
    let scene = scene("", 100, [held(&gate)]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    turn(&mut server, &thread, "one");
    server.request("thread/compact/start", json!({"threadId": thread}));
    scene.model.gate_reached(&gate);
    let content = json!([{"type": "output_text", "text": "injected"}]);
    let items = json!([{"type": "message", "role": "assistant", "content": content}]);
    server.request("thread/inject_items", json!({"threadId": thread, "items": items}));
    gate.open();
    server.until_turn_completed(&thread);
    let expected = ["one", "[a note]", "injected", "probe"];
    assert_same_after_restart(&scene, &mut server, &thread, &expected);
}

#[test]
fn an_ephemeral_thread_is_compacted_in_memory() {
    let scene = scene("", 100, []);
    let mut server = scene.server();
    let thread = server.start_thread_with(json!({"ephemeral": true, "cwd": scene.home.work()}));
    turn(&mut server, &thread, "one");
    compact(&mut server, &thread);
    turn(&mut server, &thread, "two");
    assert_eq!(told(&last_request(&scene)), ["one", "[a note]", "two"]);
    server.request("thread/rollback", json!({"threadId": thread, "numTurns": 1}));
    server.take("thread/tokenUsage/updated");
    turn(&mut server, &thread, "three");
    assert_eq!(told(&last_request(&scene)), ["one", "[a note]", "three"]);
    assert!(scene.home.rollouts().unwrap().is_empty());
}

#[test]
fn a_small_window_keeps_fewer_words() {
    let scene = scene("model_context_window = 6000", 100, []);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let long = "word ".repeat(2_000);
    turn(&mut server, &thread, "lost");
    turn(&mut server, &thread, &long);
    turn(&mut server, &thread, "last");
    compact(&mut server, &thread);
    assert!(rollout(&scene).contains("replacement_history"));
    turn(&mut server, &thread, "next");
    let kept = told(&last_request(&scene));
    assert_eq!(kept[1..], ["last", "[a note]", "next"]);
    assert!(kept[0].len() < 6_000 && kept[0].contains(" chars truncated…"), "{}", kept[0]);
    let kept: Vec<&str> = kept.iter().map(String::as_str).chain(["answer", "probe"]).collect();
    assert_same_after_restart(&scene, &mut server, &thread, &kept);
}

#[test]
fn a_compaction_adds_little_to_the_file_and_leaves_pictures_out() {
    let scene = scene("", 100, []);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let picture = format!("data:image/png;base64,{}", "A".repeat(200_000));
    let input = json!([{"type": "text", "text": "look"}, {"type": "image", "url": picture}]);
    server.request("turn/start", json!({"threadId": thread, "input": input}));
    server.until_turn_completed(&thread);
    turn(&mut server, &thread, &"word ".repeat(3_000));
    for _ in 0..2 {
        let before = rollout(&scene).len();
        compact(&mut server, &thread);
        let grown = rollout(&scene).len() - before;
        assert!(grown < 4_096, "{grown}");
    }
    assert!(summaries(&scene)[0].to_string().contains("data:image"));
    turn(&mut server, &thread, "next");
    let request = last_request(&scene);
    assert!(!request.to_string().contains("data:image"));
    let told = told(&request);
    assert_eq!((told[0].as_str(), told[2].as_str(), told.len()), ("look", "[a note]", 4));
}

#[test]
fn a_rollback_takes_a_compaction_back() {
    let scene = scene("", 100, []);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    turn(&mut server, &thread, "one");
    turn(&mut server, &thread, "two");
    compact(&mut server, &thread);
    turn(&mut server, &thread, "three");
    server.request("thread/rollback", json!({"threadId": thread, "numTurns": 2}));
    server.take("thread/tokenUsage/updated");
    let expected = ["one", "answer", "two", "answer", "probe"];
    assert_same_after_restart(&scene, &mut server, &thread, &expected);
}

#[test]
fn secrets_in_a_summary_are_masked() {
    let scene = scene("", 100, [Answer::message("the key is sk-0123456789abcdefghij0123456789")]);
    let config = fs::read_to_string(scene.home.home().join("config.toml")).unwrap();
    let config = config.replace("wire_api", "env_key = \"MOCK_KEY\"\nwire_api");
    fs::write(scene.home.home().join("config.toml"), config).unwrap();
    let key = [("MOCK_KEY", "sk-0123456789abcdefghij0123456789")];
    let mut server = TestServer::start_in(crate::BINARY, &scene.home, &key);
    server.initialize(json!({"experimentalApi": true}));
    let thread = scene.start_thread(&mut server);
    turn(&mut server, &thread, "one");
    compact(&mut server, &thread);
    turn(&mut server, &thread, "two");
    assert!(!last_request(&scene).to_string().contains("sk-0123456789"));
    assert!(!rollout(&scene).contains("sk-0123456789"));
}

#[test]
fn two_threads_are_compacted_at_once() {
    let scene = scene("", 100, []);
    let mut server = scene.server();
    let threads = [(); 2].map(|()| scene.start_thread(&mut server));
    for thread in &threads {
        turn(&mut server, thread, thread);
    }
    for thread in &threads {
        server.request("thread/compact/start", json!({"threadId": thread}));
    }
    let mut left = threads.len();
    let messages = server.until("both ends", |message| {
        left -= usize::from(message["method"] == "turn/completed");
        left == 0
    });
    let done = messages.iter().filter(|message| message["method"] == "thread/compacted");
    assert_eq!(done.count(), 2);
    for thread in &threads {
        turn(&mut server, thread, "next");
        assert_eq!(told(&last_request(&scene)), [thread, "[a note]", "next"]);
    }
}
