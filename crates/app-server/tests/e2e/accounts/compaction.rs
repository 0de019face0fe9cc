//! Compaction by the model's server, for accounts that want it.

use std::fs;

use app_server_test_support::Answer;
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use super::AccountScene;
use crate::turn_status;

/// What the server makes of a history.
const COMPACTED: &str = "encrypted history";

/// A scene with an account at a provider of this name whose server compacts so.
fn scene(name: &str, feature: &str, answer: Answer) -> AccountScene {
    let scene = AccountScene::with_config(feature);
    let path = scene.home.home().join("config.toml");
    let config = fs::read_to_string(&path).unwrap();
    fs::write(path, config.replace("name = \"mock\"", &format!("name = \"{name}\""))).unwrap();
    scene.model.model().route("/v1/responses/compact", answer);
    scene.sign_in();
    scene
}

fn compacted() -> Answer {
    Answer::json(200, &json!({"output": [{"type": "compaction", "encrypted_content": COMPACTED}]}))
}

/// Runs a turn, compacts, runs another one; returns the last request, how often the server was asked to compact, and
/// whether the model was asked for a summary.
fn run(scene: &AccountScene) -> (Value, usize, bool) {
    let mut server = scene.server();
    let thread = server.start_thread(&scene.home.work());
    server.run_turn(&thread, "one");
    server.request("thread/compact/start", json!({"threadId": thread}));
    assert_eq!(turn_status(&server.until_turn_completed(&thread)), "completed");
    server.run_turn(&thread, "two");
    let live = scene.model.model().requests().pop().unwrap().body;
    server.close();
    // Another process goes on from the same history.
    let mut server = scene.server();
    server.request("thread/resume", json!({"threadId": thread}));
    server.run_turn(&thread, "three");
    let requests = scene.model.model().requests();
    let has = |body: &Value| body["input"].to_string().contains(COMPACTED);
    assert_eq!(has(&requests.last().unwrap().body), has(&live));
    let to_compact = requests.iter().filter(|request| request.path == "/v1/responses/compact");
    let was_summed_up = requests.iter().any(|request| request.body["tools"] == json!([]));
    (live, to_compact.count(), was_summed_up)
}

#[test]
fn the_server_of_an_account_compacts_when_it_is_wanted() {
    let scene = scene("OpenAI", "features.remote_compaction = true", compacted());
    let (live, asked, was_summed_up) = run(&scene);
    assert_eq!((asked, was_summed_up), (1, false));
    assert!(live["input"].to_string().contains(COMPACTED) && !live["input"].to_string().contains("\"one\""));
    let requests = scene.model.model().requests();
    let request = requests.iter().find(|request| request.path == "/v1/responses/compact").unwrap();
    assert_eq!((&request.body["model"], &request.body["stream"]), (&json!("mock-model"), &Value::Null));
    assert!(request.body["input"].to_string().contains("\"one\""));
    assert!(request.header("authorization").is_some() && request.header("chatgpt-account-id").is_some());
}

#[test]
fn else_the_model_is_asked_for_a_summary() {
    let on = "features.remote_compaction = true";
    let broken = Answer::json(400, &json!({"error": {"message": "no"}}));
    for (name, feature, answer, expected) in
        [("OpenAI", "", compacted(), 0), ("mock", on, compacted(), 0), ("OpenAI", on, broken, 1)]
    {
        let (live, asked, was_summed_up) = run(&scene(name, feature, answer));
        assert_eq!((asked, was_summed_up), (expected, true), "{name} {feature}");
        assert!(live["input"].to_string().contains("\"one\""));
    }
}
