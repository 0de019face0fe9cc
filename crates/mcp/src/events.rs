//! What a server says and asks by itself, for whoever holds the connection.

use std::pin::Pin;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

/// How far a call has come.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// How much is done, in a unit of the server's own.
    pub progress: f64,
    /// How much there is to do, if the server knows.
    pub total: Option<f64>,
    /// What it says about it.
    pub message: Option<String>,
}

/// A server wants something from the user.
#[derive(Debug, Clone)]
pub struct Elicitation {
    /// The request's `params` as the server sent them: `mode` (`form` when absent), `message`, `requestedSchema` or `url` and
    /// `elicitationId`, `_meta`. Foreign text: to be shown as data.
    pub params: Value,
    /// The tag of the call it belongs to ([`crate::ToolCall::tag`]): the one the transport relates it to, else the only
    /// one that is open, else the one begun last. None when no call is open.
    pub call: Option<u64>,
    /// Cancelled when the server takes the question back, or the connection ends.
    pub withdrawn: CancellationToken,
}

/// What the user did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Agreed, and filled in the form if there was one.
    Accept,
    /// Said no.
    Decline,
    /// Said nothing.
    Cancel,
}

/// The answer to an [`Elicitation`].
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// What the user did.
    pub action: Action,
    /// The form as filled in; only with [`Action::Accept`].
    pub content: Option<Value>,
}

/// An answer that comes when the user has given it.
pub type Answering = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// Hears what a server says by itself. The calls come from the task that reads the connection, so they must not block.
pub trait Listener: Send + Sync + 'static {
    /// The server's list of tools has changed.
    fn tools_changed(&self);

    /// The server asks the user something. Time-outs of the call it belongs to stand still until the answer is there.
    fn elicit(&self, elicitation: Elicitation) -> Answering;
}
