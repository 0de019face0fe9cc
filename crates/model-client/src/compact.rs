//! Compaction by the model's server: it takes a history and answers with the one to go on with (backend.md 6). What the
//! items mean is the server's business.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

use crate::client::ModelClient;
use crate::error::ModelError;
use crate::provider::Provider;
use crate::request::RequestHeaders;
use crate::stream::Body;

/// How much of an answer is read. A longer one fits into no window.
const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// What the server is to compact.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct CompactRequest<'a> {
    /// The model's slug.
    pub model: &'a str,
    /// The history as items of the Responses API.
    pub input: &'a [&'a RawValue],
    /// The base instructions.
    pub instructions: &'a str,
}

impl CompactRequest<'_> {
    /// Returns the body as it is sent.
    #[allow(clippy::expect_used, reason = "a Vec takes every byte and the body has string keys only")]
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a request body always serialises into memory")
    }
}

impl ModelClient {
    /// Sends a [`CompactRequest`] and returns the items of the answer. Retries as [`ModelClient::stream`] does.
    ///
    /// # Errors
    /// Every refusal and failure, and an answer without items.
    pub async fn compact_bytes(
        &self,
        provider: &Provider,
        body: Vec<u8>,
        headers: &RequestHeaders,
        cancel: &CancellationToken,
    ) -> Result<Vec<Box<RawValue>>, ModelError> {
        #[derive(Deserialize)]
        struct Compacted {
            output: Vec<Box<RawValue>>,
        }
        let response = self.send(provider, "responses/compact", body, headers, cancel).await?;
        let idle_timeout = Duration::from_millis(provider.stream_idle_timeout_ms);
        let mut body = Body::new(response.body, idle_timeout, cancel.clone());
        let mut answer = Vec::new();
        while body.read(|piece| answer.extend_from_slice(piece)).await? {
            if answer.len() > MAX_ANSWER_BYTES {
                return Err(ModelError::stream_closed("it is of absurd size"));
            }
        }
        let compacted: Compacted = serde_json::from_slice(&answer).map_err(ModelError::stream_closed)?;
        if compacted.output.is_empty() {
            return Err(ModelError::stream_closed("it has no items"));
        }
        Ok(compacted.output)
    }
}
