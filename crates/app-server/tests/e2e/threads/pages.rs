//! `thread/turns/list`, `thread/items/list` and `thread/items/read`.

use serde_json::json;

use super::{UNKNOWN, assert_refused};
use crate::Scene;

#[test]
fn an_unknown_thread_is_refused() {
    let mut server = Scene::talkative().server();
    assert_refused(
        &mut server,
        "thread/turns/list",
        json!({"threadId": UNKNOWN}),
        &format!("thread not loaded: {UNKNOWN}"),
    );
    assert_refused(
        &mut server,
        "thread/items/list",
        json!({"threadId": UNKNOWN}),
        &format!("thread not loaded: {UNKNOWN}"),
    );
    assert_refused(
        &mut server,
        "thread/items/read",
        json!({"threadId": UNKNOWN, "turnId": "turn", "itemIds": []}),
        &format!("thread not loaded: {UNKNOWN}"),
    );
}
