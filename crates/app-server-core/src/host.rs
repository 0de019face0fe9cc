//! What the core asks of the process it lives in. Telling is never refused and never waits; whoever tells much asks
//! [`Host::drained`] in between, so that a slow client slows the producer down instead of filling the memory.

use std::future::Future;
use std::pin::Pin;

use app_server_protocol::ServerNotification;
use uuid::Uuid;

use crate::error::CoreError;

/// The process around the core.
pub trait Host: Send + Sync + 'static {
    /// Queues a notification for the client, in the order of the calls.
    fn notify(&self, notification: ServerNotification);

    /// Whether so much is queued that a producer should wait for [`Host::drained`].
    fn is_congested(&self) -> bool;

    /// Waits until the client has read enough.
    fn drained(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;

    /// Says that the actor of this thread has nothing loaded and nothing to do; the owner of its handle may drop it.
    fn thread_idle(&self, id: Uuid);
}

/// The one answer to a request, given by whoever does the work. It is queued the moment it is given, so whatever the
/// worker tells afterwards comes after it.
pub struct Reply<T>(Box<dyn FnOnce(Result<T, CoreError>) + Send>);

impl<T> Reply<T> {
    /// Wraps what sends the answer.
    pub fn new(send: impl FnOnce(Result<T, CoreError>) + Send + 'static) -> Self {
        Reply(Box::new(send))
    }

    /// Answers.
    pub fn send(self, result: Result<T, CoreError>) {
        (self.0)(result);
    }
}

impl<T> std::fmt::Debug for Reply<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reply")
    }
}
