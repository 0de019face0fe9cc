//! `thread/goal/*`, and the turns that begin by themselves.

use app_server_test_support::{Answer, Gate, TestServer, events, tool_output};
use serde_json::{Value, json};

use super::{UNKNOWN, assert_refused};
use crate::{Scene, outline, turn_status};

fn calling(call_id: &str, name: &str, arguments: &Value) -> Answer {
    Answer::response([events::function_call(call_id, name, arguments)])
}

fn set(server: &mut TestServer, mut params: Value, thread: &str) -> Value {
    params["threadId"] = json!(thread);
    server.request("thread/goal/set", params)["goal"].clone()
}

fn get(server: &mut TestServer, thread: &str) -> Value {
    server.request("thread/goal/get", json!({"threadId": thread}))["goal"].clone()
}

/// Takes everything up to the notification that the goal stands like this.
fn until_goal_is(server: &mut TestServer, status: &str) -> Vec<Value> {
    server.until(status, |message| {
        message["method"] == "thread/goal/updated" && message["params"]["goal"]["status"] == status
    })
}

/// The texts of what the model was sent that are about the goal.
fn told(body: &Value) -> Vec<&str> {
    let texts =
        body["input"].as_array().unwrap().iter().filter_map(|item| item["content"][0]["text"].as_str());
    texts.filter(|text| text.starts_with("<goal_context>")).collect()
}

#[test]
fn an_unknown_thread_is_refused() {
    let mut server = Scene::talkative().server();
    assert_refused(
        &mut server,
        "thread/goal/set",
        json!({"threadId": UNKNOWN, "objective": "all tests pass"}),
        &format!("thread not found: {UNKNOWN}"),
    );
    assert_refused(
        &mut server,
        "thread/goal/get",
        json!({"threadId": UNKNOWN}),
        &format!("thread not found: {UNKNOWN}"),
    );
    assert_refused(
        &mut server,
        "thread/goal/clear",
        json!({"threadId": UNKNOWN}),
        &format!("thread not found: {UNKNOWN}"),
    );
}

#[test]
fn turns_begin_by_themselves_until_the_goal_is_complete() {
    let scene = Scene::new([
        calling("c1", "update_plan", &json!({"plan": []})),
        Answer::message("halfway"),
        calling("c2", "update_goal", &json!({"status": "complete"})),
        Answer::message("done"),
        Answer::message("answer"),
    ]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let goal = set(&mut server, json!({"objective": " all tests pass ", "tokenBudget": 1000}), &thread);
    assert_eq!(
        (&goal["objective"], &goal["status"], &goal["tokenBudget"], &goal["tokensUsed"]),
        (&json!("all tests pass"), &json!("active"), &json!(1000), &json!(0))
    );
    let first = server.until_turn_completed(&thread);
    let shown = outline(&first);
    assert_eq!(
        shown[..3],
        ["thread/goal/updated", "thread/status/changed active", "turn/started"].map(str::to_owned)
    );
    assert!(!shown.iter().any(|line| line.contains("userMessage")), "{shown:?}");
    assert_eq!(first[0]["params"]["turnId"], json!(null));
    // What it took so far comes with the turn's end.
    let turn = &first[2]["params"]["turn"]["id"];
    let updated = first.iter().rfind(|message| message["method"] == "thread/goal/updated").unwrap();
    assert_eq!((&updated["params"]["turnId"], &updated["params"]["goal"]["tokensUsed"]), (turn, &json!(30)));

    let second = server.until_turn_completed(&thread);
    assert_eq!(turn_status(&second), "completed");
    let updated = second.iter().find(|message| message["method"] == "thread/goal/updated").unwrap();
    assert_eq!(updated["params"]["goal"]["status"], "complete");

    let requests = scene.model.requests_seen(4);
    assert_eq!(told(&requests[0].body).len(), 1);
    assert!(told(&requests[0].body)[0].contains("all tests pass"));
    assert_eq!(told(&requests[2].body).len(), 2);
    assert!(told(&requests[2].body)[1].contains("30 of 1000 tokens"));
    let output: Value = serde_json::from_str(tool_output(&requests[3].body, "c2").as_str().unwrap()).unwrap();
    assert_eq!((&output["goal"]["status"], &output["remainingTokens"]), (&json!("complete"), &json!(970)));
    assert!(output["completionBudgetReport"].as_str().unwrap().contains("30 of 1000"));

    // No turn begins any more, and those that did have no words of the user.
    server.run_turn(&thread, "hello");
    let read = server.request("thread/read", json!({"threadId": thread, "includeTurns": true}));
    assert_eq!(super::texts(&read["thread"]["turns"]), ["halfway", "done", "hello", "answer"]);
    assert_eq!(server.request("thread/goal/clear", json!({"threadId": thread}))["cleared"], true);
    server.take("thread/goal/cleared");
    assert_eq!(get(&mut server, &thread), json!(null));
}

#[test]
fn the_budget_ends_it() {
    let scene = Scene::new([
        calling("c1", "update_plan", &json!({"plan": []})),
        Answer::message("wrapped up"),
        Answer::message("answer"),
    ]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    set(&mut server, json!({"objective": "ship it", "tokenBudget": 15}), &thread);
    let limited = until_goal_is(&mut server, "budgetLimited").pop().unwrap();
    assert_eq!(limited["params"]["goal"]["tokensUsed"], 15);
    assert!(limited["params"]["turnId"].is_string());
    assert_eq!(turn_status(&server.until_turn_completed(&thread)), "completed");
    let requests = scene.model.requests_seen(2);
    assert!(told(&requests[1].body)[1].contains("15 of 15 tokens"), "{:?}", told(&requests[1].body));
    // The user may go on, but nothing begins by itself.
    server.run_turn(&thread, "hello");
    assert_eq!(get(&mut server, &thread)["tokensUsed"], 15);
}

#[test]
fn an_interrupt_pauses_it_and_the_client_lets_it_go_on() {
    let gate = Gate::new();
    let held = Answer::events([events::created("resp_1")]).gate(&gate);
    let scene = Scene::new([
        held,
        calling("c1", "update_goal", &json!({"status": "blocked"})),
        Answer::message("need a key"),
    ]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    set(&mut server, json!({"objective": "ship it"}), &thread);
    let started = server.until("turn/started", |message| message["method"] == "turn/started").pop().unwrap();
    scene.model.gate_reached(&gate);
    let turn = started["params"]["turn"]["id"].clone();
    server.request("turn/interrupt", json!({"threadId": thread, "turnId": turn}));
    let paused = until_goal_is(&mut server, "paused").pop().unwrap();
    assert_eq!(paused["params"]["turnId"], turn);
    assert_eq!(turn_status(&server.until_turn_completed(&thread)), "interrupted");

    assert_eq!(set(&mut server, json!({"status": "active"}), &thread)["status"], "active");
    until_goal_is(&mut server, "blocked");
    assert_eq!(turn_status(&server.until_turn_completed(&thread)), "completed");
}

#[test]
fn a_failure_blocks_it() {
    let limit = json!({"error": {"type": "usage_limit_reached", "message": "limit", "resets_in_seconds": 9}});
    let scene = Scene::new([Answer::text(400, "no"), Answer::json(429, &limit)]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    for status in ["blocked", "usageLimited"] {
        set(&mut server, json!({"objective": "ship it", "status": "active"}), &thread);
        until_goal_is(&mut server, status);
        assert_eq!(turn_status(&server.until_turn_completed(&thread)), "failed");
    }
    server.take_rest();
}

#[test]
fn a_model_that_only_talks_is_stopped() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    set(&mut server, json!({"objective": "ship it"}), &thread);
    until_goal_is(&mut server, "blocked");
    server.until_turn_completed(&thread);
    assert_eq!(scene.model.requests_seen(3).len(), 3);
}

#[test]
fn it_goes_on_after_a_restart_and_not_in_forks() {
    let gate = Gate::new();
    let held = Answer::events([events::created("resp_1")]).gate(&gate);
    let scene = Scene::new([
        Answer::message("answer"),
        held,
        calling("c1", "update_goal", &json!({"status": "complete"})),
        Answer::message("done"),
    ]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    server.run_turn(&thread, "hello");
    set(&mut server, json!({"objective": "ship it"}), &thread);
    scene.model.gate_reached(&gate);
    let fork = server.request("thread/fork", json!({"threadId": thread}))["thread"]["id"].clone();
    let fork = fork.as_str().unwrap();
    assert_eq!(get(&mut server, fork), json!(null));
    server.close();

    let mut server = scene.server();
    server.request("thread/resume", json!({"threadId": fork}));
    server.take("thread/tokenUsage/updated");
    assert_eq!(get(&mut server, fork), json!(null));
    server.request("thread/resume", json!({"threadId": thread}));
    let messages = server.until_turn_completed(&thread);
    let updated: Vec<_> =
        messages.iter().filter(|message| message["method"] == "thread/goal/updated").collect();
    assert_eq!(updated[0]["params"]["goal"]["status"], "active");
    assert_eq!(updated[1]["params"]["goal"]["status"], "complete");
    server.request("thread/goal/clear", json!({"threadId": thread}));
    server.take("thread/goal/cleared");
    server.take_rest();
    server.close();

    let mut server = scene.server();
    server.request("thread/resume", json!({"threadId": thread}));
    assert_eq!(get(&mut server, &thread), json!(null));
    server.take_rest();
}

#[test]
fn the_model_sets_a_goal_for_itself() {
    let create = |call_id: &str| calling(call_id, "create_goal", &json!({"objective": "ship it"}));
    let scene = Scene::new([
        calling("c0", "get_goal", &json!({})),
        create("c1"),
        create("c2"),
        calling("c3", "update_goal", &json!({"status": "paused"})),
        calling("c4", "update_goal", &json!({"status": "active"})),
        Answer::message("begun"),
    ]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let turn = server.start_turn(&thread, "set a goal");
    let messages = server.until_turn_completed(&thread);
    let updated: Vec<_> =
        messages.iter().filter(|message| message["method"] == "thread/goal/updated").collect();
    assert_eq!(updated[0]["params"]["turnId"], turn.as_str());
    assert_eq!(updated[0]["params"]["goal"]["status"], "active");
    assert_eq!(updated.last().unwrap()["params"]["goal"]["status"], "paused");
    let body = &scene.model.requests_seen(6)[5].body;
    let output = |call_id: &str| tool_output(body, call_id).as_str().unwrap().to_owned();
    assert!(output("c0").contains(r#""goal":null"#));
    assert!(output("c1").contains(r#""status":"active""#));
    assert!(output("c2").contains("not complete"), "{}", output("c2"));
    assert!(output("c4").contains("failed to parse"), "{}", output("c4"));
    // A response that sets the goal counts towards it.
    assert_eq!(get(&mut server, &thread)["tokensUsed"], 15 * 2);
}

#[test]
fn a_goal_rests_while_plans_are_made() {
    let scene = Scene::new([
        Answer::message("a plan"),
        calling("c1", "update_goal", &json!({"status": "complete"})),
        Answer::message("done"),
    ]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let mode = |mode: &str| json!({"threadId": thread, "collaborationMode": {"mode": mode, "settings": {"model": "gpt-5.2-codex"}}});
    server.request("thread/settings/update", mode("plan"));
    set(&mut server, json!({"objective": "ship it"}), &thread);
    server.run_turn(&thread, "plan it");
    assert_eq!(scene.model.requests_seen(1).len(), 1);
    server.request("thread/settings/update", mode("default"));
    until_goal_is(&mut server, "complete");
    server.until_turn_completed(&thread);
    server.take_rest();
}
