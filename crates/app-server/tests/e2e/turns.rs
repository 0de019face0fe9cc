//! Turns: their order on the wire and on disk, and everything that happens to one while it runs.

use std::fs;

use app_server_test_support::model::usage;
use app_server_test_support::{Answer, Gate, TestServer, events};
use expect_test::expect;
use serde_json::{Value, json};

use crate::{Scene, answer_text, outline, turn_status};

/// An answer that has begun to speak and waits at the gate, then says the rest.
fn held(id: &str, gate: &Gate) -> Answer {
    let added = json!({"type": "message", "role": "assistant", "id": id, "content": []});
    let done = json!({
        "type": "message", "role": "assistant", "id": id, "content": [{"type": "output_text", "text": "begun and done"}],
    });
    let delta = |text: &str| json!({"type": "response.output_text.delta", "item_id": id, "delta": text});
    Answer::events([events::created("resp_1"), events::item_added(&added), delta("begun")])
        .gate(gate)
        .and([delta(" and done"), events::item_done(&done)])
        .and([events::completed("resp_1", &usage(10, 5))])
}

/// Returns the texts the user and the assistant said, as the model was told.
fn told(body: &Value) -> Vec<&str> {
    let items = body["input"].as_array().unwrap();
    let texts = items.iter().flat_map(|item| item["content"].as_array().into_iter().flatten());
    texts
        .filter_map(|content| content["text"].as_str())
        .filter(|text| !text.starts_with(['<', '#']))
        .collect()
}

#[test]
fn the_order_of_a_plain_turn() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let messages = server.run_turn(&thread, "hi");
    expect![[r#"
        thread/status/changed active
        turn/started
        item/started userMessage
        item/completed userMessage
        item/started agentMessage
        item/agentMessage/delta
        item/completed agentMessage
        thread/tokenUsage/updated
        thread/status/changed idle
        turn/completed"#]]
    .assert_eq(&outline(&messages).join("\n"));
}

#[test]
fn the_rollout_is_on_disk_before_the_turn_is_reported_as_completed() {
    let scene = Scene::new((0..20).map(|round| Answer::message(&format!("answer number {round}."))));
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    for round in 0..20 {
        let messages = server.run_turn(&thread, &format!("question number {round}."));
        assert_eq!(turn_status(&messages), "completed");
        let rollouts = scene.home.rollouts().unwrap();
        assert_eq!(rollouts.len(), 1);
        let text = fs::read_to_string(&rollouts[0]).unwrap();
        assert!(
            text.contains(&format!("question number {round}."))
                && text.contains(&format!("answer number {round}."))
        );
        assert!(text.ends_with('\n'));
    }
}

#[test]
fn a_torn_rollout_goes_on() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    server.run_turn(&thread, "before the crash");
    server.close();
    let rollout = scene.home.rollouts().unwrap().remove(0);
    let mut text = fs::read_to_string(&rollout).unwrap();
    let torn = r#"{"timestamp":"2026-01-01T00:00:00.000Z","type":"response_item","payl"#;
    text.push_str(torn);
    fs::write(&rollout, text).unwrap();

    let mut server = scene.server();
    let resumed = server.request("thread/resume", json!({"threadId": thread}));
    assert_eq!(resumed["thread"]["turns"].as_array().unwrap().len(), 1);
    let messages = server.run_turn(&thread, "after the crash");
    assert_eq!(turn_status(&messages), "completed");
    server.close();

    let text = fs::read_to_string(&rollout).unwrap();
    let bad: Vec<&str> = text.lines().filter(|line| serde_json::from_str::<Value>(line).is_err()).collect();
    assert_eq!(bad, [torn], "the fragment stands alone");
    let request = scene.model.requests_seen(2).remove(1);
    assert_eq!(told(&request.body), ["before the crash", "answer", "after the crash"]);
}

#[test]
fn an_interrupted_turn_ends_and_leaves_no_answer() {
    let gate = Gate::new();
    let scene = Scene::new([held("msg_1", &gate), Answer::message("fresh")]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let turn = server.start_turn(&thread, "long work");
    server.until("the first delta", |message| message["method"] == "item/agentMessage/delta");
    let wrong = json!({"threadId": thread, "turnId": "0199a213-81c0-7800-8aa1-bbab2a035a53"});
    assert_eq!(server.request_error("turn/interrupt", wrong)["code"], -32600);
    assert_eq!(server.request("turn/interrupt", json!({"threadId": thread, "turnId": turn})), json!({}));
    let messages = server.until_turn_completed(&thread);
    assert_eq!(turn_status(&messages), "interrupted");
    let error = server.request_error("turn/interrupt", json!({"threadId": thread, "turnId": turn}));
    assert_eq!(error["message"], "no active turn to interrupt");

    assert_eq!(answer_text(&server.run_turn(&thread, "again")), "fresh");
    let request = scene.model.requests_seen(2).remove(1);
    assert_eq!(told(&request.body), ["long work", "again"]);
}

#[test]
fn steered_input_is_taken_before_the_next_model_request() {
    let gate = Gate::new();
    let scene = Scene::new([held("msg_1", &gate), Answer::message("both done")]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let input = json!([{"type": "text", "text": "also this"}]);
    let early = json!({"threadId": thread, "expectedTurnId": "x", "input": input});
    assert_eq!(server.request_error("turn/steer", early)["message"], "no active turn to steer");

    let turn = server.start_turn(&thread, "first");
    server.until("the first delta", |message| message["method"] == "item/agentMessage/delta");
    let steer = |turn: &str, input: &Value| json!({"threadId": thread, "expectedTurnId": turn, "input": input, "clientUserMessageId": "cm-2"});
    let other = "0199a213-81c0-7800-8aa1-bbab2a035a53";
    let error = server.request_error("turn/steer", steer(other, &input))["message"].take();
    let error = error.as_str().unwrap();
    assert!(error.contains("expected active turn id") && error.contains(&turn), "{error}");
    assert_eq!(server.request_error("turn/steer", steer(&turn, &json!([])))["code"], -32600);
    assert_eq!(server.request("turn/steer", steer(&turn, &input)), json!({"turnId": turn}));
    gate.open();
    let messages = server.until_turn_completed(&thread);
    let steered: Vec<&Value> = messages
        .iter()
        .filter(|message| {
            message["params"]["item"]["clientId"] == "cm-2" && message["method"] == "item/completed"
        })
        .collect();
    assert_eq!(steered.len(), 1);
    assert_eq!(steered[0]["params"]["item"]["content"][0]["text"], "also this");
    assert_eq!((turn_status(&messages), answer_text(&messages)), ("completed", "both done"));
    let request = scene.model.requests_seen(2).remove(1);
    assert_eq!(told(&request.body), ["first", "begun and done", "also this"]);
}

#[test]
fn a_turn_started_while_one_runs_steers_it() {
    let gate = Gate::new();
    let scene = Scene::new([held("msg_1", &gate), Answer::message("both done")]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let turn = server.start_turn(&thread, "first");
    server.until("the first delta", |message| message["method"] == "item/agentMessage/delta");
    assert_eq!(server.start_turn(&thread, "second"), turn);
    gate.open();
    let messages = server.until_turn_completed(&thread);
    assert!(!outline(&messages).contains(&"turn/started".to_owned()));
    assert_eq!((turn_status(&messages), answer_text(&messages)), ("completed", "both done"));
    assert_eq!(told(&scene.model.requests_seen(2)[1].body), ["first", "begun and done", "second"]);
}

#[test]
fn two_threads_work_at_once() {
    let gates = [Gate::new(), Gate::new()];
    let scene = Scene::new([held("msg_a", &gates[0]), held("msg_b", &gates[1])]);
    let mut server = scene.server();
    let threads = [scene.start_thread(&mut server), scene.start_thread(&mut server)];
    let mut turns = Vec::new();
    for (thread, gate) in threads.iter().zip(&gates) {
        turns.push(server.start_turn(thread, "go"));
        // The second thread's request must be the model's second.
        scene.model.gate_reached(gate);
    }
    gates[1].open();
    let is_done = |thread: &str, message: &Value| {
        message["method"] == "turn/completed" && message["params"]["threadId"] == thread
    };
    let mut messages = server.until("the second turn", |message| is_done(&threads[1], message));
    assert!(!messages.iter().any(|message| is_done(&threads[0], message)));
    gates[0].open();
    messages.extend(server.until("the first turn", |message| is_done(&threads[0], message)));
    for (thread, turn) in threads.iter().zip(&turns) {
        let own: Vec<Value> = messages
            .iter()
            .filter(|message| message["params"]["threadId"] == thread.as_str())
            .cloned()
            .collect();
        assert_eq!((turn_status(&own), answer_text(&own)), ("completed", "begun and done"));
        let of_turn = own.iter().filter_map(|message| message["params"]["turnId"].as_str());
        assert_eq!(of_turn.filter(|id| id != turn).count(), 0);
    }
}

#[test]
fn a_failed_turn_leaves_the_thread_usable() {
    let failed = Answer::json(400, &json!({"error": {"message": "no such thing"}}));
    let scene = Scene::new([failed, Answer::message("good")]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let messages = server.run_turn(&thread, "one");
    expect![[r#"
        thread/status/changed active
        turn/started
        item/started userMessage
        item/completed userMessage
        thread/status/changed systemError
        error
        turn/completed"#]]
    .assert_eq(&outline(&messages).join("\n"));
    assert_eq!(turn_status(&messages), "failed");
    let error = &messages[messages.len() - 2]["params"];
    assert_eq!(error["willRetry"], false);
    assert_eq!(error["error"], messages.last().unwrap()["params"]["turn"]["error"]);
    assert_eq!(answer_text(&server.run_turn(&thread, "two")), "good");
}

/// Starts a command of the user's own that runs until `go` appears in the thread's folder. Returns its turn.
fn start_user_command(server: &mut TestServer, thread: &str) -> String {
    let command = "echo up; while [ ! -e go ]; do read -t 0.02 _ <> <(:) || :; done; echo done";
    server.request("thread/shellCommand", json!({"threadId": thread, "command": command}));
    let messages = server
        .until("output of the command", |message| message["method"] == "item/commandExecution/outputDelta");
    messages.last().unwrap()["params"]["turnId"].as_str().unwrap().to_owned()
}

fn user_texts(messages: &[Value]) -> Vec<&str> {
    let items = messages.iter().filter(|message| message["method"] == "item/completed");
    items.filter_map(|message| message["params"]["item"]["content"][0]["text"].as_str()).collect()
}

/// What is read of the thread's last turn.
fn read_last(server: &mut TestServer, thread: &str) -> Value {
    let read = server.request("thread/read", json!({"threadId": thread, "includeTurns": true}));
    read["thread"]["turns"].as_array().unwrap().last().unwrap().clone()
}

fn read_texts(turn: &Value) -> Vec<&str> {
    let items = turn["items"].as_array().unwrap().iter();
    items.filter_map(|item| item["content"][0]["text"].as_str()).collect()
}

#[test]
fn input_given_while_a_command_of_the_users_own_runs_is_answered() {
    let scene = Scene::new([Answer::message("both done")]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let turn = start_user_command(&mut server, &thread);
    assert_eq!(server.start_turn(&thread, "and this"), turn);
    let steer =
        json!({"threadId": thread, "expectedTurnId": turn, "input": [{"type": "text", "text": "and that"}]});
    assert_eq!(server.request("turn/steer", steer), json!({"turnId": turn}));
    fs::write(scene.home.work().join("go"), "").unwrap();
    let messages = server.until_turn_completed(&thread);
    assert_eq!(user_texts(&messages), ["and this", "and that"]);
    assert_eq!((turn_status(&messages), answer_text(&messages)), ("completed", "both done"));
    assert!(!outline(&messages).contains(&"turn/started".to_owned()));
    let request = scene.model.requests_seen(1).remove(0);
    assert_eq!(told(&request.body), ["and this", "and that"]);
    assert!(request.body["input"].to_string().contains("<user_shell_command>"));
    assert_eq!(read_texts(&read_last(&mut server, &thread)), ["and this", "and that"]);
    let list = server.request("thread/list", json!({}));
    assert_eq!(list["data"][0]["preview"], "and this");
}

#[test]
fn input_given_while_a_command_outlasts_the_model_is_answered_at_once() {
    let gate = Gate::new();
    let scene = Scene::new([held("msg_1", &gate), Answer::message("second answer")]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let turn = server.start_turn(&thread, "first");
    scene.model.gate_reached(&gate);
    assert_eq!(start_user_command(&mut server, &thread), turn);
    gate.open();
    server.until("the first answer", |message| message["method"] == "thread/tokenUsage/updated");
    assert_eq!(server.start_turn(&thread, "second"), turn);
    let messages =
        server.until("the second answer", |message| message["method"] == "thread/tokenUsage/updated");
    assert_eq!(answer_text(&messages), "second answer");
    fs::write(scene.home.work().join("go"), "").unwrap();
    assert_eq!(turn_status(&server.until_turn_completed(&thread)), "completed");
}

#[test]
fn a_turn_can_be_interrupted_while_commands_outlast_the_model() {
    let gate = Gate::new();
    let scene = Scene::new([held("msg_1", &gate)]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let turn = server.start_turn(&thread, "first");
    scene.model.gate_reached(&gate);
    start_user_command(&mut server, &thread);
    gate.open();
    server.until("the answer", |message| message["method"] == "thread/tokenUsage/updated");
    assert_eq!(start_user_command(&mut server, &thread), turn);
    assert_eq!(server.request("turn/interrupt", json!({"threadId": thread, "turnId": turn})), json!({}));
    assert_eq!(turn_status(&server.until_turn_completed(&thread)), "interrupted");
}

#[test]
fn input_given_before_a_turn_fails_is_on_record() {
    let gate = Gate::new();
    let failed = Answer::events([events::created("resp_1")])
        .gate(&gate)
        .and([events::failed("invalid_prompt", "no such thing")]);
    let scene = Scene::new([failed, Answer::message("good")]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let turn = server.start_turn(&thread, "first");
    scene.model.gate_reached(&gate);
    assert_eq!(server.start_turn(&thread, "second"), turn);
    gate.open();
    let messages = server.until_turn_completed(&thread);
    assert_eq!(turn_status(&messages), "failed");
    assert_eq!(user_texts(&messages), ["first", "second"]);
    assert_eq!(read_texts(&read_last(&mut server, &thread)), ["first", "second"]);
    assert_eq!(answer_text(&server.run_turn(&thread, "third")), "good");
    assert_eq!(told(&scene.model.requests_seen(2)[1].body), ["first", "second", "third"]);
}

#[test]
fn input_given_before_an_interrupt_is_on_record() {
    let gate = Gate::new();
    let scene = Scene::new([held("msg_1", &gate), Answer::message("good")]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let turn = server.start_turn(&thread, "first");
    server.until("the first delta", |message| message["method"] == "item/agentMessage/delta");
    let input = json!([{"type": "text", "text": "second"}]);
    let steer =
        json!({"threadId": thread, "expectedTurnId": turn, "input": input, "clientUserMessageId": "cm-2"});
    server.request("turn/steer", steer);
    server.request("turn/interrupt", json!({"threadId": thread, "turnId": turn}));
    let messages = server.until_turn_completed(&thread);
    assert_eq!(turn_status(&messages), "interrupted");
    assert_eq!(user_texts(&messages), ["second"]);
    let last = read_last(&mut server, &thread);
    assert_eq!(read_texts(&last), ["first", "second"]);
    assert_eq!(last["items"][1]["clientId"], "cm-2");
    assert_eq!(answer_text(&server.run_turn(&thread, "third")), "good");
    assert_eq!(told(&scene.model.requests_seen(2)[1].body), ["first", "second", "third"]);
}

#[test]
fn the_modes_of_working_together_are_listed() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let modes = server.request("collaborationMode/list", json!({}));
    let names: Vec<&str> =
        modes["data"].as_array().unwrap().iter().map(|mode| mode["mode"].as_str().unwrap()).collect();
    assert_eq!(names, ["plan", "default"]);
}

#[test]
fn thoughts_are_told_as_they_come() {
    let thoughts = events::reasoning("rs_1", &["**Think**", "**Again**"]);
    let scene = Scene::new([Answer::response([thoughts, events::message("msg_1", "done")])]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let messages = server.run_turn(&thread, "think");
    let told: Vec<_> = messages
        .iter()
        .filter_map(|message| {
            let params = &message["params"];
            match message["method"].as_str()? {
                "item/reasoning/summaryPartAdded" => Some((params["summaryIndex"].as_i64()?, "")),
                "item/reasoning/summaryTextDelta" => {
                    Some((params["summaryIndex"].as_i64()?, params["delta"].as_str()?))
                }
                _ => None,
            }
        })
        .collect();
    assert_eq!(told, [(0, ""), (0, "**Think**"), (1, ""), (1, "**Again**")]);
    assert_eq!(answer_text(&messages), "done");
}

#[test]
fn what_may_still_be_used_is_told_when_it_changes() {
    let answer = |text: &str, percent: &str| {
        Answer::message(text)
            .header("x-codex-primary-used-percent", percent)
            .header("x-codex-primary-window-minutes", "300")
    };
    let scene = Scene::new([answer("one", "42"), answer("two", "42"), answer("three", "43")]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let mut told = |input: &str| -> Vec<Value> {
        let messages = server.run_turn(&thread, input);
        messages
            .iter()
            .filter(|message| message["method"] == "account/rateLimits/updated")
            .map(|message| message["params"]["rateLimits"]["primary"]["usedPercent"].clone())
            .collect()
    };
    assert_eq!([told("a"), told("b"), told("c")], [vec![json!(42)], vec![], vec![json!(43)]]);
}
