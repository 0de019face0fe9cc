//! The model server of the cases: every request gets the same answer, a message of so many words.

use std::iter;
use std::sync::{Arc, Mutex, PoisonError};

use app_server_test_support::{Answer, BlockingMockModel, events};
use serde_json::json;

/// Serves on loopback until it goes out of scope.
pub(super) struct Model {
    /// Held for its thread.
    _server: BlockingMockModel,
    answer: Arc<Mutex<Answer>>,
    base_url: String,
}

impl Model {
    /// Starts it, with answers of one word.
    pub(super) fn start() -> Self {
        let answer = Arc::new(Mutex::new(words(1)));
        let given = Arc::clone(&answer);
        let refusal = Answer::json(404, &json!({"error": {"message": "not found"}}));
        let server = BlockingMockModel::start_with(move |request| {
            // Some servers report to a product backend, which the homes say is here too.
            match request.path.ends_with("/v1/responses") {
                true => given.lock().unwrap_or_else(PoisonError::into_inner).clone(),
                false => refusal.clone(),
            }
        });
        let base_url = server.base_url();
        Self { _server: server, answer, base_url }
    }

    /// For the home's config file.
    pub(super) fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Answers with so many words from now on, each a delta of its own.
    pub(super) fn answer_with_words(&self, count: usize) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = words(count);
    }
}

fn words(count: usize) -> Answer {
    Answer::response([events::message_of("msg_1", iter::repeat_n("word ", count), None)])
}
