//! `turn/settings/update`: settings of the running turn, from its next request on.

use app_server_test_support::Answer;
use pretty_assertions::assert_eq;
use serde_json::json;

use super::{UNKNOWN, assert_refused};
use crate::Scene;
use crate::calls::{shell, until_asked};

#[test]
fn settings_of_a_running_turn_reach_its_next_request_and_no_other_turn() {
    let scene = Scene::new([shell("touch made"), Answer::message("done"), Answer::message("again")]);
    let mut server = scene.server();
    let thread = scene.asking_thread(&mut server);
    let turn = server.start_turn(&thread, "run");
    let question = until_asked(&mut server);
    let change = json!({"threadId": thread, "turnId": turn, "model": "gpt-5.1-codex", "effort": "high",
        "summary": "detailed", "serviceTier": "flex"});
    assert_eq!(server.request("turn/settings/update", change), json!({"status": "applied"}));
    // What is not named stays as it is.
    let more = json!({"threadId": thread, "turnId": turn, "effort": "low"});
    assert_eq!(server.request("turn/settings/update", more.clone()), json!({"status": "applied"}));
    server.reply(&question, json!({"decision": "accept"}));
    server.until_turn_completed(&thread);
    assert_eq!(server.request("turn/settings/update", more), json!({"status": "targetUnavailable"}));
    server.run_turn(&thread, "again");
    let requests = scene.model.requests_seen(3);
    let named = |at: usize| {
        let body = &requests[at].body;
        let of = |name: &str| body[name].as_str().unwrap_or("-").to_owned();
        let reasoning = |name: &str| body["reasoning"][name].as_str().unwrap_or("-").to_owned();
        [of("model"), of("service_tier"), reasoning("effort"), reasoning("summary")]
    };
    assert_eq!(named(1), ["gpt-5.1-codex", "flex", "low", "detailed"]);
    assert_eq!(named(2), named(0));
}

#[test]
fn a_turn_that_does_not_run_is_out_of_reach() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let change = json!({"threadId": thread, "turnId": "other", "effort": "low"});
    assert_eq!(server.request("turn/settings/update", change), json!({"status": "targetUnavailable"}));
    assert_refused(
        &mut server,
        "turn/settings/update",
        json!({"threadId": UNKNOWN, "turnId": "other"}),
        &format!("thread not found: {UNKNOWN}"),
    );
}
