//! `thread/goal/*`.

use serde_json::json;

use super::{UNKNOWN, assert_refused};
use crate::Scene;

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
