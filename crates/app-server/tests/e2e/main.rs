//! Conversations with the real binary, by method family. The model is scripted and stops where a test tells it to, so
//! no test sleeps. A [`TestServer`] fails its test when a message is left unread or a request has not had one answer.

#![allow(clippy::unwrap_used, reason = "a helper that panics fails the test")]

mod accounts;
mod agents;
mod approvals;
mod calls;
mod chat;
mod command_exec;
mod commands;
mod config;
mod coverage;
mod crash;
mod errors;
mod feedback;
mod files;
mod handshake;
mod hooks;
mod lists;
mod mcp;
mod mcp_login;
mod mcp_questions;
mod mcp_turns;
mod models;
mod network;
mod notify;
mod observability;
mod patches;
mod process;
mod process_methods;
mod requirements;
mod search;
mod security;
mod skills;
mod storage;
#[cfg(target_os = "linux")]
mod survivors;
mod threads;
mod tools;
mod trust;
mod turns;

use app_server_test_support::{Answer, BlockingMockModel, TempHome, TestServer};
use serde_json::Value;

/// The program under test.
const BINARY: &str = env!("CARGO_BIN_EXE_app-server");

/// A home whose configuration names a scripted model.
struct Scene {
    home: TempHome,
    model: BlockingMockModel,
}

impl Scene {
    /// The model answers with these, in order.
    fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self::with_model(BlockingMockModel::start(answers))
    }

    /// The model answers every request with a short message.
    fn talkative() -> Self {
        Self::with_model(BlockingMockModel::start_with(|_| Answer::message("answer")))
    }

    fn with_model(model: BlockingMockModel) -> Self {
        let home = TempHome::new().unwrap();
        home.write_mock_config(&model.base_url(), "").unwrap();
        Self { home, model }
    }

    /// Starts the server and initializes it.
    fn server(&self) -> TestServer {
        TestServer::initialized(BINARY, &self.home)
    }

    fn start_thread(&self, server: &mut TestServer) -> String {
        server.start_thread(&self.home.work())
    }
}

/// Names each message: its method with the item's type or the status, `answer` for an answer.
fn outline(messages: &[Value]) -> Vec<String> {
    messages
        .iter()
        .map(|message| {
            let params = &message["params"];
            let detail = params["item"]["type"].as_str().or_else(|| params["status"]["type"].as_str());
            match (message["method"].as_str(), detail) {
                (None, _) => "answer".to_owned(),
                (Some(method), None) => method.to_owned(),
                (Some(method), Some(detail)) => format!("{method} {detail}"),
            }
        })
        .collect()
}

/// Returns how the turn ended.
fn turn_status(messages: &[Value]) -> &str {
    let last = messages.last().unwrap();
    assert_eq!(last["method"], "turn/completed");
    last["params"]["turn"]["status"].as_str().unwrap()
}

/// Returns the text of the last completed assistant message.
fn answer_text(messages: &[Value]) -> &str {
    let is_answer = |message: &&Value| {
        message["method"] == "item/completed" && message["params"]["item"]["type"] == "agentMessage"
    };
    messages.iter().rev().find(is_answer).unwrap()["params"]["item"]["text"].as_str().unwrap()
}
