//! `thread/settings/update`.

use app_server_test_support::model::usage;
use app_server_test_support::{Answer, Gate, events};
use serde_json::json;

use super::{UNKNOWN, assert_refused};
use crate::Scene;

#[test]
fn an_unknown_thread_is_refused() {
    let mut server = Scene::talkative().server();
    assert_refused(
        &mut server,
        "thread/settings/update",
        json!({"threadId": UNKNOWN, "model": "other"}),
        &format!("thread not found: {UNKNOWN}"),
    );
}

#[test]
fn settings_are_told_of_when_they_change_and_reach_the_next_request() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let update = json!({"threadId": thread, "model": "gpt-5.1-codex", "effort": "high", "approvalPolicy": "on-request"});
    assert_eq!(server.request("thread/settings/update", update.clone()), json!({}));
    let told = server.take("thread/settings/updated");
    let settings = &told["params"]["threadSettings"];
    assert_eq!(told["params"]["threadId"], thread.as_str());
    assert_eq!(
        (&settings["model"], &settings["effort"], &settings["approvalPolicy"]),
        (&json!("gpt-5.1-codex"), &json!("high"), &json!("on-request"))
    );
    // The same again, settings without effect and nothing at all tell nothing: what is left unread fails the test.
    assert_eq!(server.request("thread/settings/update", update), json!({}));
    let ignored =
        json!({"threadId": thread, "permissions": "x", "disabledPluginIds": ["p"], "environments": []});
    assert_eq!(server.request("thread/settings/update", ignored), json!({}));
    assert_eq!(server.request("thread/settings/update", json!({"threadId": thread})), json!({}));

    server.run_turn(&thread, "one");
    let request = scene.model.requests_seen(1).remove(0);
    assert_eq!(
        (&request.body["model"], &request.body["reasoning"]["effort"]),
        (&json!("gpt-5.1-codex"), &json!("high"))
    );
    let read = server.request("thread/read", json!({"threadId": thread}));
    assert_eq!(read["thread"]["model"], "gpt-5.1-codex");
}

#[test]
fn a_running_turn_keeps_its_settings() {
    let gate = Gate::new();
    let call = Answer::events([events::created("resp_1")])
        .gate(&gate)
        .and(events::function_call("call_1", "update_plan", &json!({"plan": []})))
        .and([events::completed("resp_1", &usage(10, 5))]);
    let scene = Scene::new([call, Answer::message("done"), Answer::message("again")]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    server.start_turn(&thread, "one");
    scene.model.requests_seen(1);
    server.request("thread/settings/update", json!({"threadId": thread, "model": "other"}));
    server.take("thread/settings/updated");
    gate.open();
    server.until_turn_completed(&thread);
    server.run_turn(&thread, "two");
    let models: Vec<_> =
        scene.model.requests_seen(3).iter().map(|request| request.body["model"].clone()).collect();
    assert_eq!(models[0], models[1], "{models:?}");
    assert_eq!(models[2], "other");
}

#[test]
fn a_value_that_is_none_is_refused() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let params = json!({"threadId": thread, "model": "other", "approvalPolicy": "sometimes"});
    let code = server.request_error("thread/settings/update", params)["code"].clone();
    assert!(code == -32600 || code == -32602, "{code}");
}
