//! The Chat Completions wire: for servers that know no other, which most local ones do not. What the turn hands in and what
//! it gets back are the same as over the Responses API, so nothing above this module knows which of the two is spoken
//! (backend.md 8).

mod chunk;
mod request;
mod stream;

pub(crate) use request::{to_bytes, without_usage};
pub(crate) use stream::ChatAnswer;

/// The path of a call below the provider's base.
pub(crate) const PATH: &str = "chat/completions";
