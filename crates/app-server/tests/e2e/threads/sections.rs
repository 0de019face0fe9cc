//! Sections of the thread list, and what is tied to threads.

use serde_json::json;

use crate::Scene;

#[test]
fn a_section_needs_a_name() {
    let mut server = Scene::talkative().server();
    let error = server.request_error("threadSection/create", json!({}));
    assert!(error["message"].as_str().unwrap().contains("missing field `name`"), "{error}");
}
