//! `rawResponseItem/completed`: the model's history as it grows, for clients that asked for it.

use app_server_test_support::Answer;
use serde_json::{Value, json};

use crate::Scene;
use crate::calls::call;

/// Raw items by type and role, other items by what happens to them.
fn told(messages: &[Value]) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let of_items = messages.iter().filter(|message| !message["params"]["item"].is_null());
    of_items
        .map(|message| {
            let item = &message["params"]["item"];
            match message["method"].as_str().unwrap() {
                "rawResponseItem/completed" => format!("raw {} {}", text(&item["type"]), text(&item["role"])),
                method => format!("{} {}", method.rsplit('/').next().unwrap(), text(&item["type"])),
            }
        })
        .collect()
}

#[test]
fn every_item_of_the_history_is_told_in_its_place() {
    let plan = call("update_plan", &json!({"plan": [{"step": "one", "status": "completed"}]}));
    let scene = Scene::new([plan, Answer::message("done"), Answer::message("more")]);
    let mut server = scene.server();
    let thread = server.start_thread_with(json!({"cwd": scene.home.work(), "experimentalRawEvents": true}));
    let messages = server.run_turn(&thread, "go");
    let message = ["started agentMessage", "completed agentMessage", "raw message assistant"];
    assert_eq!(
        told(&messages),
        [
            &["raw message developer", "raw message user"][..],
            &["raw message user", "started userMessage", "completed userMessage"],
            &["raw function_call ", "raw function_call_output "],
            &message,
        ]
        .concat()
    );
    // The context is told once.
    let messages = server.run_turn(&thread, "again");
    let user = ["raw message user", "started userMessage", "completed userMessage"];
    assert_eq!(told(&messages), [&user[..], &message].concat());
}

#[test]
fn nobody_else_hears_of_them() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let messages = server.run_turn(&thread, "go");
    assert!(told(&messages).iter().all(|line| !line.starts_with("raw")));
}
