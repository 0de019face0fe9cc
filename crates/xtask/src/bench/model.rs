//! The model server of the cases: it answers with a message of so many words, or has things done first.

use std::iter;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use app_server_test_support::{Answer, BlockingMockModel, events};
use serde_json::{Value, json};

use super::tools::{self, Act};

/// What the model says to a request.
enum Script {
    /// The same answer to every request.
    Always(Answer),
    /// In every turn these, one after the other and each to its end, then one word.
    Acts { acts: Vec<Act>, done: usize },
}

/// Serves on loopback until it goes out of scope.
pub(super) struct Model {
    /// Held for its thread.
    _server: BlockingMockModel,
    script: Arc<Mutex<Script>>,
    /// Whether an act was due for which no tool was on offer.
    lacked_tool: Arc<AtomicBool>,
    base_url: String,
}

impl Model {
    /// Starts it, with answers of one word.
    pub(super) fn start() -> Self {
        let script = Arc::new(Mutex::new(Script::Always(words(1))));
        let played = Arc::clone(&script);
        let lacked_tool = Arc::new(AtomicBool::new(false));
        let lacked = Arc::clone(&lacked_tool);
        let refusal = Answer::json(404, &json!({"error": {"message": "not found"}}));
        let server = BlockingMockModel::start_with(move |request| {
            // Some servers report to a product backend, which the homes say is here too.
            if !request.path.ends_with("/v1/responses") {
                return refusal.clone();
            }
            let mut script = played.lock().unwrap_or_else(PoisonError::into_inner);
            script.answer(&request.body).unwrap_or_else(|| {
                lacked.store(true, Ordering::Relaxed);
                words(1)
            })
        });
        let base_url = server.base_url();
        Self { _server: server, script, lacked_tool, base_url }
    }

    /// For the home's config file.
    pub(super) fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Answers with so many words from now on, each a delta of its own.
    pub(super) fn answer_with_words(&self, count: usize) {
        self.set(Script::Always(words(count)));
    }

    /// Has these done in every turn from now on, a request each, and says a word at the end.
    pub(super) fn answer_with_acts(&self, acts: Vec<Act>) {
        self.set(Script::Acts { acts, done: 0 });
    }

    /// Whether the server has offered no tool for something that was to be done.
    pub(super) fn lacked_tool(&self) -> bool {
        self.lacked_tool.load(Ordering::Relaxed)
    }

    fn set(&self, script: Script) {
        *self.script.lock().unwrap_or_else(PoisonError::into_inner) = script;
    }
}

impl Script {
    /// None: what is to be done cannot be done with the tools on offer.
    fn answer(&mut self, request: &Value) -> Option<Answer> {
        let (acts, done) = match self {
            Script::Always(answer) => return Some(answer.clone()),
            Script::Acts { acts, done } => (acts, done),
        };
        let last = tools::last_output(request);
        if last.is_none() {
            // The user has spoken: a new turn.
            *done = 0;
        }
        let id = format!("call_{}_{}", history_len(request), *done);
        let call = match (last.and_then(tools::running_session), acts.get(*done)) {
            (Some(session), _) => tools::wait_call(&id, session),
            (None, Some(act)) => {
                *done += 1;
                tools::call(request, &id, act)?
            }
            (None, None) => return Some(words(1)),
        };
        Some(Answer::response([call]))
    }
}

/// Makes the ids of calls differ, which is all it is for.
fn history_len(request: &Value) -> usize {
    request["input"].as_array().map_or(0, Vec::len)
}

fn words(count: usize) -> Answer {
    Answer::response([events::message_of("msg_1", iter::repeat_n("word ", count), None)])
}
