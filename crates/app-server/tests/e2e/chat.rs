//! The Chat Completions wire through the real binary: each scene is one script, served over both wires, and the client must
//! not be able to tell which of them it was.

use std::collections::HashMap;
use std::fs;

use app_server_test_support::{Answer, Gate, RecordedRequest, TestServer, events, tool_output};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::calls::{CODEX_MODEL, call, text_of, timeless};
use crate::{Scene, turn_status};

/// What a client does, and what it saw of it.
type Drive = fn(&Scene, &mut TestServer, &str) -> Vec<Value>;

fn write_config(scene: &Scene, wire: &str) {
    let base_url = scene.model.base_url();
    let text = format!(
        "model = \"{CODEX_MODEL}\"\nmodel_provider = \"mock\"\napproval_policy = \"never\"\n\
         sandbox_mode = \"danger-full-access\"\nshow_raw_agent_reasoning = true\n\
         [model_providers.mock]\nname = \"mock\"\nbase_url = \"{base_url}\"\nwire_api = \"{wire}\"\n\
         request_max_retries = 0\nstream_max_retries = 1\n"
    );
    scene.home.write_config(&text).unwrap();
}

/// Takes out what differs between any two runs: ids are numbered as they come, times are dropped, places are named.
struct Plain {
    ids: HashMap<String, usize>,
    places: Vec<(String, &'static str)>,
}

impl Plain {
    fn of(&mut self, value: &Value) -> Value {
        match value {
            Value::Object(members) => members
                .iter()
                .filter(|(key, _)| !key.ends_with("At") && !key.ends_with("Ms"))
                .map(|(key, value)| {
                    let is_id = key.to_ascii_lowercase().ends_with("id");
                    let plain = match value.as_str().filter(|_| is_id) {
                        Some(id) => {
                            let next = self.ids.len();
                            json!(format!("#{}", self.ids.entry(id.to_owned()).or_insert(next)))
                        }
                        None => self.of(value),
                    };
                    (key.clone(), plain)
                })
                .collect(),
            Value::Array(values) => values.iter().map(|value| self.of(value)).collect(),
            Value::String(text) => {
                let text =
                    self.places.iter().fold(text.clone(), |text, (place, name)| text.replace(place, name));
                json!(text)
            }
            other => other.clone(),
        }
    }
}

/// Plays the script over a wire. When the tokens are told is a matter of which task is quicker, so they are left out.
fn play(wire: &str, answers: Vec<Answer>, drive: Drive) -> (Vec<Value>, Vec<RecordedRequest>) {
    let scene = Scene::new(answers);
    write_config(&scene, wire);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let seen = drive(&scene, &mut server, &thread);
    server.take_rest();
    let base = scene.home.base().to_string_lossy().into_owned();
    let places = vec![
        (base, "<base>"),
        (scene.model.base_url(), "<url>"),
        ("<url>/chat/completions".to_owned(), "<url>/responses"),
    ];
    let mut plain = Plain { ids: HashMap::new(), places };
    let counts = ["thread/tokenUsage/updated", "account/rateLimits/updated"];
    let is_count =
        |message: &&Value| message["method"].as_str().is_some_and(|method| counts.contains(&method));
    let seen = seen.iter().filter(|message| !is_count(message)).map(|message| plain.of(message)).collect();
    (seen, scene.model.model().requests())
}

/// Plays the script over both wires; returns what the client saw and the requests of each.
#[track_caller]
fn check(
    answers: fn() -> Vec<Answer>,
    drive: Drive,
) -> (Vec<Value>, Vec<RecordedRequest>, Vec<RecordedRequest>) {
    let (responses, sent) = play("responses", answers(), drive);
    let (chat, chat_sent) = play("chat", answers(), drive);
    assert_eq!(chat, responses);
    assert!(chat_sent.iter().all(|request| request.path == "/v1/chat/completions"), "{chat_sent:?}");
    assert_eq!(chat_sent.len(), sent.len());
    (chat, sent, chat_sent)
}

/// An answer of one message. Each has an id of its own, as over the other wire.
fn say(id: &str, text: &str) -> Answer {
    Answer::response([events::message(id, text)])
}

fn one_turn(_: &Scene, server: &mut TestServer, thread: &str) -> Vec<Value> {
    server.run_turn(thread, "hi")
}

#[test]
fn words_and_reasoning() {
    let (seen, _, sent) = check(
        || {
            vec![Answer::response([
                events::reasoning_text("rs_1", "I think so"),
                events::message("msg_1", "Hello over there"),
            ])]
        },
        |_, server, thread| {
            let messages = server.run_turn(thread, "hi");
            // What it cost is told over both.
            let usage = messages.iter().find(|message| message["method"] == "thread/tokenUsage/updated");
            assert_eq!(usage.unwrap()["params"]["tokenUsage"]["total"]["totalTokens"], 15);
            messages
        },
    );
    assert_eq!(turn_status(&seen), "completed");
    let kinds: Vec<&str> = seen.iter().filter_map(|message| message["method"].as_str()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "item/reasoning/textDelta").count(), 3);
    assert_eq!(kinds.iter().filter(|kind| **kind == "item/agentMessage/delta").count(), 3);

    let body = &sent[0].body;
    let tools = body["tools"].as_array().unwrap();
    assert!(tools.iter().all(|tool| tool["type"] == "function"), "{tools:?}");
    assert!(tools.iter().any(|tool| tool["function"]["name"] == "apply_patch"), "{tools:?}");
    let messages = body["messages"].as_array().unwrap();
    assert_eq!(messages[0]["role"], "system");
    assert_eq!(messages.last().unwrap(), &json!({"role": "user", "content": "hi"}));
}

#[test]
fn a_conversation_goes_on_over_either_wire() {
    let (_, _, sent) = check(
        || vec![say("msg_1", "first"), say("msg_2", "second")],
        |_, server, thread| {
            let mut messages = server.run_turn(thread, "one");
            messages.extend(server.run_turn(thread, "two"));
            messages
        },
    );
    let messages = sent[1].body["messages"].as_array().unwrap();
    let said: Vec<&str> = messages
        .iter()
        .filter_map(|message| message["content"].as_str())
        .filter(|text| ["one", "two", "first"].contains(text))
        .collect();
    assert_eq!(said, ["one", "first", "two"]);
}

/// The same was said of the calls over both wires.
fn assert_told(calls: &[&str], request: usize, sent: &[RecordedRequest], chat_sent: &[RecordedRequest]) {
    for id in calls {
        let told = |sent: &[RecordedRequest]| timeless(&text_of(tool_output(&sent[request].body, id)));
        assert_eq!(told(chat_sent), told(sent));
        assert!(told(sent).len() > 4, "{}", told(sent));
    }
    // Every call has its answer right behind.
    let messages = chat_sent[request].body["messages"].as_array().unwrap();
    let first = messages.iter().position(|message| message["tool_calls"].is_array()).unwrap();
    for (at, call) in messages[first]["tool_calls"].as_array().unwrap().iter().enumerate() {
        assert_eq!(messages[first + 1 + at]["tool_call_id"], call["id"]);
    }
}

#[test]
fn two_calls_at_once() {
    let (seen, sent, chat_sent) = check(
        || {
            let call = |id: &str, script: &str| {
                events::function_call(id, "shell_command", &json!({"command": script}))
            };
            vec![
                Answer::response([
                    events::reasoning_text("rs_1", "both"),
                    events::message("msg_1", "I look"),
                    call("call_1", "echo one"),
                    call("call_2", "echo two; exit 3"),
                ]),
                say("msg_9", "done"),
            ]
        },
        |_, server, thread| {
            let mut messages = server.run_turn(thread, "hi");
            // They run side by side, so which of them says something first is open; what each says is not.
            messages.sort_by_key(|message| {
                let params = &message["params"];
                let id = params["itemId"].as_str().or_else(|| params["item"]["id"].as_str());
                match id {
                    Some("call_1") => 1,
                    Some("call_2") => 2,
                    _ => 0,
                }
            });
            messages
        },
    );
    assert_told(&["call_1", "call_2"], 1, &sent, &chat_sent);
    let items: Vec<&Value> = seen
        .iter()
        .filter(|message| message["method"] == "item/completed")
        .map(|message| &message["params"]["item"])
        .filter(|item| item["type"] == "commandExecution")
        .collect();
    assert_eq!(items.iter().map(|item| &item["exitCode"]).collect::<Vec<_>>(), [&json!(0), &json!(3)]);
}

#[test]
fn calls_that_cannot_be_done() {
    let (_, sent, chat_sent) = check(
        || {
            vec![
                call("no_such_tool", &json!({})),
                call("shell_command", &json!({"nothing": 1})),
                say("msg_9", "done"),
            ]
        },
        one_turn,
    );
    assert_told(&["call_1"], 1, &sent, &chat_sent);
    // The id comes a second time; each call has its own answer.
    let answers: Vec<&Value> = chat_sent[2].body["messages"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|message| message["role"] == "tool")
        .map(|message| &message["content"])
        .collect();
    assert_eq!(answers.len(), 2);
    assert_ne!(answers[0], answers[1]);
}

#[test]
fn a_patch() {
    let (_, sent, chat_sent) = check(
        || {
            let patch = "*** Begin Patch\n*** Add File: added.txt\n+fresh\n*** End Patch";
            vec![call("apply_patch", &json!({"input": patch})), say("msg_9", "done")]
        },
        |scene, server, thread| {
            let messages = server.run_turn(thread, "hi");
            assert_eq!(fs::read_to_string(scene.home.work().join("added.txt")).unwrap(), "fresh\n");
            messages
        },
    );
    assert_told(&["call_1"], 1, &sent, &chat_sent);
}

#[test]
fn a_picture_of_the_users() {
    let (_, _, sent) = check(
        || vec![Answer::message("nice")],
        |_, server, thread| {
            let input = json!([
                {"type": "text", "text": "see"},
                {"type": "image", "url": "data:image/png;base64,iVBORw0K"},
            ]);
            server.request("turn/start", json!({"threadId": thread, "input": input}));
            server.until_turn_completed(thread)
        },
    );
    let message = sent[0].body["messages"].as_array().unwrap().last().unwrap();
    let parts = message["content"].as_array().unwrap();
    assert_eq!(parts[0], json!({"type": "text", "text": "see"}));
    let image = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0K"}});
    assert!(parts.contains(&image), "{parts:?}");
}

/// An answer that breaks off in its first words.
fn half(id: &str) -> Answer {
    let whole = events::message(id, "half an answer");
    Answer::events([events::created("resp_1")]).and(whole.into_iter().take(2)).cut()
}

#[test]
fn broken_answers_are_asked_for_again() {
    let (seen, ..) = check(|| vec![half("msg_1"), say("msg_2", "whole")], one_turn);
    assert_eq!(turn_status(&seen), "completed");
    assert_eq!(seen.iter().filter(|message| message["method"] == "error").count(), 1);
    let (seen, ..) = check(|| vec![half("msg_1"), half("msg_2")], one_turn);
    assert_eq!(turn_status(&seen), "failed");
    let (seen, ..) = check(|| vec![Answer::hang_up(), Answer::message("whole")], one_turn);
    assert_eq!(turn_status(&seen), "completed");
}

#[test]
fn refusals_fail_the_turn() {
    let scripts: [fn() -> Vec<Answer>; 4] = [
        || vec![Answer::json(429, &json!({"error": {"message": "too many"}}))],
        || vec![Answer::json(400, &json!({"error": {"message": "why"}}))],
        || vec![Answer::json(401, &json!({"error": {"message": "who?"}}))],
        || {
            let failed = events::failed("context_length_exceeded", "too long");
            vec![Answer::events([events::created("resp_1"), failed])]
        },
    ];
    for script in scripts {
        let (seen, ..) = check(script, one_turn);
        assert_eq!(turn_status(&seen), "failed");
    }
}

#[test]
fn an_interrupt_within_an_answer() {
    let (seen, ..) = check(
        || {
            let gate = Gate::new();
            let whole = events::message("msg_1", "half an answer");
            let begun = Answer::events([events::created("resp_1")]).and(whole.into_iter().take(2));
            vec![begun.gate(&gate), say("msg_2", "fresh")]
        },
        |_, server, thread| {
            let turn = server.start_turn(thread, "hi");
            let is_delta = |message: &Value| message["method"] == "item/agentMessage/delta";
            let mut messages = server.until("the first delta", is_delta);
            server.request("turn/interrupt", json!({"threadId": thread, "turnId": turn}));
            messages.extend(server.until_turn_completed(thread));
            messages.extend(server.run_turn(thread, "again"));
            messages
        },
    );
    assert_eq!(turn_status(&seen), "completed");
}

#[test]
fn a_schema_of_the_answer_fails_the_turn() {
    let scene = Scene::new([]);
    write_config(&scene, "chat");
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let input = json!([{"type": "text", "text": "hi"}]);
    let params = json!({"threadId": thread, "input": input, "outputSchema": {"type": "object"}});
    server.request("turn/start", params);
    let messages = server.until_turn_completed(&thread);
    assert_eq!(turn_status(&messages), "failed");
    let error = &messages.last().unwrap()["params"]["turn"]["error"]["message"];
    assert_eq!(error, "output schemas are not supported by wire_api \"chat\"");
    assert!(scene.model.model().requests().is_empty());
}

#[test]
fn a_thread_goes_on_over_the_other_wire() {
    let patch_text = "*** Begin Patch\n*** Add File: added.txt\n+fresh\n*** End Patch";
    let scene = Scene::new([
        Answer::response([
            events::reasoning("rs_1", &["**Think**"]),
            events::message("msg_1", "I patch"),
            events::custom_tool_call("call_1", "apply_patch", patch_text),
        ]),
        say("msg_2", "patched"),
        Answer::response([events::function_call("call_2", "shell_command", &json!({"command": "echo two"}))]),
        say("msg_3", "looked"),
        say("msg_4", "and back"),
    ]);
    let resumed = |wire: &str, thread: &str, text: &str| {
        write_config(&scene, wire);
        let mut server = scene.server();
        server.request("thread/resume", json!({"threadId": thread}));
        assert_eq!(turn_status(&server.run_turn(thread, text)), "completed");
        server.close();
    };
    write_config(&scene, "responses");
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    assert_eq!(turn_status(&server.run_turn(&thread, "one")), "completed");
    server.close();
    resumed("chat", &thread, "two");
    resumed("responses", &thread, "three");

    let requests = scene.model.model().requests();
    let messages = requests[3].body["messages"].as_array().unwrap();
    let shape: Vec<String> = messages
        .iter()
        .filter(|message| message["role"] != "system")
        .map(|message| {
            let call = message["tool_calls"][0]["function"]["name"].as_str();
            let text = message["content"].as_str().unwrap_or_default();
            let shown = text.split_whitespace().next().unwrap_or_default();
            format!("{} {}", message["role"].as_str().unwrap(), call.unwrap_or(shown))
        })
        .filter(|line| !line.starts_with("user <") && !line.starts_with("user #"))
        .collect();
    assert_eq!(
        shape,
        [
            "user one",
            "assistant I",
            "assistant apply_patch",
            "tool Exit",
            "assistant patched",
            "user two",
            "assistant shell_command",
            "tool Exit",
        ]
    );
    // Back again, what was said over the chat wire is there in the items of the other.
    let kinds: Vec<&str> = requests[4].body["input"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|item| item["type"].as_str())
        .filter(|kind| *kind != "message")
        .collect();
    assert_eq!(
        kinds,
        ["reasoning", "custom_tool_call", "custom_tool_call_output", "function_call", "function_call_output"]
    );
}
