//! What the core asks of the process it lives in. Telling is never refused and never waits; whoever tells much asks
//! [`Host::drained`] in between, so that a slow client slows the producer down instead of filling the memory.

#[cfg(test)]
pub(crate) mod tests;

use std::future::Future;
use std::pin::Pin;

use app_server_protocol::{RequestId, ServerNotification};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::error::CoreError;
use crate::thread::ThreadOp;
use crate::turns_text::TurnsText;

/// The process around the core.
pub trait Host: Send + Sync + 'static {
    /// Queues a notification for the client, in the order of the calls.
    fn notify(&self, notification: ServerNotification);

    /// Asks the client. The question is queued before this returns, in the order of the calls.
    fn ask(&self, method: &'static str, params: &RawValue) -> Question;

    /// Whether so much is queued that a producer should wait for [`Host::drained`].
    fn is_congested(&self) -> bool;

    /// Waits until the client has read enough.
    fn drained(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;

    /// Says that the actor of this thread has nothing loaded and nothing to do; the owner of its handle may drop it.
    fn thread_idle(&self, id: Uuid);

    /// Hands an operation to the actor of another thread, starting one if there is none. Does not wait, so an actor may
    /// call it; operations handed over one after the other may arrive in another order.
    fn hand_over(&self, id: Uuid, op: ThreadOp);
}

/// A question to the client. Dropping it withdraws it: an answer that comes later is ignored.
pub struct Question {
    /// What the client's answer refers to.
    pub id: RequestId,
    /// The answer's result.
    pub answer: Pin<Box<dyn Future<Output = Result<Box<RawValue>, NoReply>> + Send>>,
}

/// Why a question has no result.
#[derive(Debug, thiserror::Error)]
pub enum NoReply {
    /// The client does not know the method, which is its way of saying no.
    #[error("the client does not know the method")]
    UnknownMethod,
    /// Anything else, in words.
    #[error("{0}")]
    Failed(String),
}

/// The one answer to a request, given by whoever does the work. It is queued the moment it is given, so whatever the
/// worker tells afterwards comes after it.
pub struct Reply<T>(Box<dyn FnOnce(Result<Answer<T>, CoreError>) + Send>);

/// What a request is answered with.
#[derive(Debug)]
pub struct Answer<T> {
    /// The result, without the turns of its thread where they follow.
    pub result: T,
    /// What stands in place of the empty `turns` of the result's thread.
    pub turns: Option<TurnsText>,
}

impl<T> Reply<T> {
    /// Wraps what sends the answer.
    pub fn new(send: impl FnOnce(Result<Answer<T>, CoreError>) + Send + 'static) -> Self {
        Reply(Box::new(send))
    }

    /// Answers.
    pub fn send(self, result: Result<T, CoreError>) {
        (self.0)(result.map(|result| Answer { result, turns: None }));
    }

    /// Answers with a thread whose turns are given as text.
    pub(crate) fn send_with_turns(self, result: Result<(T, TurnsText), CoreError>) {
        (self.0)(result.map(|(result, turns)| Answer { result, turns: Some(turns) }));
    }
}

impl<T> std::fmt::Debug for Reply<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reply")
    }
}
