//! `thread/compact/start`, under its older name as well.

use serde_json::json;

use super::{UNKNOWN, assert_refused};
use crate::Scene;

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
