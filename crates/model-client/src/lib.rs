//! The model API: requests, the event stream, retries and the offline provider.
//!
//! A turn hands in a [`ModelRequest`], a resolved [`Provider`] and the [`RequestHeaders`] of the thread, and asks
//! the [`ResponseStream`] for one [`ModelEvent`] after another. There is no task between the socket and the turn:
//! whoever wants the next event polls the body.
//!
//! | module | what it holds |
//! | --- | --- |
//! | `provider` | where requests go, with everything already resolved |
//! | `request` | the body and the headers of one request |
//! | `client` | the HTTP client and the first retry layer (same request, sent again) |
//! | `transport` | the two sources of bytes: an HTTP response or the offline script |
//! | `stream` | bytes to events: idle time-out, remembered failures, end of the response |
//! | `chat` | requests and answers of the Chat Completions API, for servers without the Responses API |
//! | `sse` | the event-stream parser, over bytes |
//! | `event` | one event's JSON to a typed event |
//! | `error` | what can go wrong, and whether the turn may try again |
//! | `rate_limits` | the rate-limit headers |
//! | `compact` | compaction by the server, without a stream |
//! | `models` | the list of a provider's models |
//! | `usage` | what an account may still use, asked from its backend |
//! | `offline` | the scripted model, same path, no network |
//!
//! What this crate must not know: the wire to the client, the configuration, environment variables, threads and
//! turns. It touches one file only, the bundle of certificates it is told to trust.
//!
//! The second retry layer (the whole request built again from the history) belongs to the turn:
//! [`ModelError::retryable`] and [`ModelError::retry_delay`] say whether and when.

mod chat;
mod client;
mod compact;
mod error;
mod event;
mod models;
mod offline;
mod provider;
mod rate_limits;
mod request;
mod sse;
mod stream;
mod transport;
mod usage;

pub use client::ModelClient;
pub use compact::CompactRequest;
pub use error::{ModelError, ModelErrorKind};
pub use event::{LocalShellAction, ModelEvent, OutputItem, OutputItemKind, Usage, WebSearchAction};
pub use models::ModelsAnswer;
pub use offline::{OfflineScript, ScriptError};
pub use provider::{Provider, ProviderKind, Wire};
pub use rate_limits::{Credits, RateLimitHeaders, RateLimitSnapshot, Window};
pub use request::{ModelRequest, Reasoning, RequestHeaders, TextOptions};
pub use sse::SseParser;
pub use stream::ResponseStream;
pub use usage::{AccountUsage, SpendControl, SpendLimit, UsageCall, UsageError};
