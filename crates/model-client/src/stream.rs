//! Bytes to events: the answer to one request, read by whoever wants its next event. Holds the idle time-out, the
//! failure that is raised only at the end, and the rule that reading stops at completion. Knows nothing about retries.

use std::fmt;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::chat::ChatAnswer;
use crate::error::{ModelError, request_id};
use crate::event::{Decoded, ModelEvent, decode};
use crate::provider::Wire;
use crate::rate_limits::{RateLimitHeaders, text};
use crate::sse::SseParser;
use crate::transport::{RawResponse, Transport};

/// A block larger than this is no event: the largest real ones hold an image of some megabytes. The stream then
/// counts as broken off.
const MAX_EVENT_BYTES: usize = 64 * 1024 * 1024;

/// How long a server that has said all may take to say what it cost.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Longer silences than this are the same as waiting forever, and keep clock arithmetic from overflowing.
const MAX_IDLE: Duration = Duration::from_secs(365 * 24 * 3600);

/// The model's answer to one request.
pub struct ResponseStream {
    /// What the headers said about limits.
    pub rate_limits: RateLimitHeaders,
    /// To be echoed on the later requests of this turn, if it is the turn's first.
    pub turn_state: Option<String>,
    /// The version of the server's model catalog.
    pub models_etag: Option<String>,
    /// Whether the server's input token counts include past reasoning.
    pub reasoning_included: bool,
    /// The id under which the server's people find this request.
    pub request_id: Option<String>,
    body: Body,
    parser: SseParser,
    decoder: Decoder,
    /// A failure the server announced; raised when the stream ends without a completion after all.
    failure: Option<ModelError>,
    ended: bool,
}

/// Reads the blocks of one wire or the other.
enum Decoder {
    Responses,
    Chat(Box<ChatAnswer>),
}

impl Decoder {
    /// Returns an event that is ready before the next block is read.
    fn ready(&mut self) -> Option<ModelEvent> {
        match self {
            Self::Responses => None,
            Self::Chat(answer) => answer.next(),
        }
    }

    fn read(&mut self, data: &[u8]) -> Decoded {
        match self {
            Self::Responses => decode(data),
            Self::Chat(answer) => answer.read(data).map_or_else(Decoded::Ended, |()| Decoded::Ignored),
        }
    }

    /// Whether the answer is whole, so that it does not matter how the connection ends.
    fn is_finished(&self) -> bool {
        match self {
            Self::Responses => false,
            Self::Chat(answer) => answer.is_finished(),
        }
    }

    /// There is no block any more.
    fn end(&mut self) -> Result<(), ModelError> {
        match self {
            Self::Responses => Err(ModelError::stream_closed("the stream ended before response.completed")),
            Self::Chat(answer) => answer.end(),
        }
    }
}

impl fmt::Debug for ResponseStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseStream")
            .field("rate_limits", &self.rate_limits)
            .field("request_id", &self.request_id)
            .field("failure", &self.failure)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

impl ResponseStream {
    pub(crate) fn new(
        response: RawResponse,
        wire: Wire,
        idle_timeout: Duration,
        cancel: CancellationToken,
    ) -> Self {
        let headers = &response.headers;
        let owned = |name: &str| text(headers, name).map(str::to_owned);
        Self {
            rate_limits: RateLimitHeaders::parse(headers),
            turn_state: owned("x-codex-turn-state"),
            models_etag: owned("x-models-etag"),
            reasoning_included: headers.contains_key("x-reasoning-included"),
            request_id: request_id(headers).map(str::to_owned),
            body: Body::new(response.body, idle_timeout, cancel),
            parser: SseParser::new(),
            decoder: match wire {
                Wire::Responses => Decoder::Responses,
                Wire::Chat => Decoder::Chat(Box::default()),
            },
            failure: None,
            ended: false,
        }
    }

    /// Waits for the next event; `None` once the response is complete or an error was returned. Dropping the returned
    /// future loses nothing: the next call goes on where it was.
    ///
    /// # Errors
    /// Whatever ends the response other than its completion, and `Cancelled` when the token given to
    /// [`ModelClient::stream`](crate::ModelClient::stream) is cancelled while waiting for bytes.
    pub async fn next(&mut self) -> Result<Option<ModelEvent>, ModelError> {
        if self.ended {
            return Ok(None);
        }
        loop {
            loop {
                let decoded = match self.decoder.ready() {
                    Some(event) => Decoded::Event(event),
                    None => match self.parser.next_data() {
                        Some(data) => self.decoder.read(data),
                        None => break,
                    },
                };
                if let Some(result) = self.take(decoded) {
                    return result;
                }
            }
            if self.decoder.is_finished() {
                self.body.idle_timeout = self.body.idle_timeout.min(LAST_WORDS);
            }
            let parser = &mut self.parser;
            match self.body.read(|piece| parser.push(piece)).await {
                Ok(true) if self.parser.buffered_bytes() > MAX_EVENT_BYTES => {
                    return self.end(Err(ModelError::stream_closed("it holds an event of absurd size")));
                }
                Ok(true) => {}
                Ok(false) => return self.finish(),
                Err(_) if self.decoder.is_finished() && !self.body.cancel.is_cancelled() => {
                    return self.finish();
                }
                Err(error) => return self.end(Err(error)),
            }
        }
    }

    /// Acts on one block; returns what `next` is to return, if anything.
    fn take(&mut self, decoded: Decoded) -> Option<Result<Option<ModelEvent>, ModelError>> {
        match decoded {
            Decoded::Ignored => None,
            Decoded::Event(event @ ModelEvent::Completed { .. }) => {
                self.close().release();
                Some(Ok(Some(event)))
            }
            Decoded::Event(event) => Some(Ok(Some(event))),
            Decoded::Failed(error) => {
                self.failure = Some(error);
                None
            }
            Decoded::Ended(error) => Some(self.end(Err(error))),
        }
    }

    /// Handles the end of the bytes.
    fn finish(&mut self) -> Result<Option<ModelEvent>, ModelError> {
        let last = self.parser.finish().map(|data| self.decoder.read(data));
        if let Some(result) = last.and_then(|decoded| self.take(decoded)) {
            return result;
        }
        if let Err(error) = self.decoder.end() {
            return self.end(Err(error));
        }
        // What is ready now ends with the completion; the rest waits for the next calls.
        match self.decoder.ready().and_then(|event| self.take(Decoded::Event(event))) {
            Some(result) => result,
            None => self.end(Ok(None)),
        }
    }

    /// Ends the response. A failure the server announced says more than how the connection went down after it.
    fn end(
        &mut self,
        result: Result<Option<ModelEvent>, ModelError>,
    ) -> Result<Option<ModelEvent>, ModelError> {
        // The connection is not worth keeping.
        drop(self.close());
        match self.failure.take() {
            Some(failure) if !self.body.cancel.is_cancelled() => Err(failure),
            _ => result,
        }
    }

    /// Reading stops here, whatever may follow.
    fn close(&mut self) -> Transport {
        self.ended = true;
        std::mem::replace(&mut self.body.transport, Transport::Closed)
    }
}

/// A body read under the idle time-out and the caller's cancellation.
pub(crate) struct Body {
    transport: Transport,
    idle_timeout: Duration,
    /// When the present silence is too long. Set when waiting begins, cleared by every piece; kept when a waiting
    /// future is dropped, so that asking often does not prolong the silence.
    idle_deadline: Option<Instant>,
    cancel: CancellationToken,
}

impl Body {
    pub(crate) fn new(transport: Transport, idle_timeout: Duration, cancel: CancellationToken) -> Self {
        Self { transport, idle_timeout: idle_timeout.min(MAX_IDLE), idle_deadline: None, cancel }
    }

    /// Hands the next piece to `sink`; returns false at the end.
    pub(crate) async fn read(&mut self, sink: impl FnMut(&[u8])) -> Result<bool, ModelError> {
        let idle_timeout = self.idle_timeout;
        let deadline = *self.idle_deadline.get_or_insert_with(|| Instant::now() + idle_timeout);
        let read = tokio::select! {
            biased;
            () = self.cancel.cancelled() => return Err(ModelError::cancelled()),
            read = timeout_at(deadline, self.transport.read(sink)) => read,
        };
        match read {
            Ok(result) => {
                self.idle_deadline = None;
                result.map_err(ModelError::stream_closed)
            }
            Err(_elapsed) => Err(ModelError::idle(idle_timeout)),
        }
    }

    /// Reads up to `limit` bytes, as far as they come: what a refusal says is worth having, but not worth failing for.
    pub(crate) async fn read_start(&mut self, limit: usize) -> Result<Vec<u8>, ModelError> {
        let mut bytes = Vec::new();
        while bytes.len() < limit {
            match self.read(|piece| bytes.extend_from_slice(piece)).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) if self.cancel.is_cancelled() => return Err(error),
                Err(_) => break,
            }
        }
        bytes.truncate(limit);
        Ok(bytes)
    }
}
