//! `thread/searchOccurrences`.

use serde_json::json;

use super::{UNKNOWN, assert_refused};
use crate::Scene;

#[test]
fn an_unknown_thread_is_refused() {
    let mut server = Scene::talkative().server();
    assert_refused(
        &mut server,
        "thread/searchOccurrences",
        json!({"threadId": UNKNOWN, "searchTerm": "word"}),
        &format!("thread not loaded: {UNKNOWN}"),
    );
}
