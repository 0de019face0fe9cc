//! `thread/unsubscribe`: a client that wants to hear no more of a thread.

use app_server_test_support::{Answer, Gate};
use pretty_assertions::assert_eq;
use serde_json::json;

use crate::Scene;

#[test]
fn a_turn_goes_on_unheard() {
    let gate = Gate::new();
    let scene = Scene::new([Answer::message("unheard").gate(&gate)]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    server.start_turn(&thread, "hello");
    scene.model.requests_seen(1);
    let params = json!({"threadId": thread});
    assert_eq!(server.request("thread/unsubscribe", params.clone()), json!({"status": "unsubscribed"}));
    assert_eq!(server.request("thread/unsubscribe", params), json!({"status": "notSubscribed"}));
    server.take_rest();
    gate.open();
    let later = server.close();
    assert_eq!(later, Vec::<serde_json::Value>::new());
    let mut server = scene.server();
    let resumed = server.request("thread/resume", json!({"threadId": thread}));
    assert_eq!(resumed["thread"]["turns"].as_array().unwrap().len(), 1);
    let params = json!({"threadId": "01890000-0000-7000-8000-000000000000"});
    assert_eq!(server.request("thread/unsubscribe", params), json!({"status": "notLoaded"}));
    // The resume tells of usage after its answer.
    server.close();
}
