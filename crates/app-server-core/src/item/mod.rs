//! Items and turns on disk: how a completed item is recorded, and how turns come back from a rollout of any writer.

mod output;
mod rebuild;
mod recorded;
mod replay;

use app_server_protocol::v2::{MessagePhase, ThreadItemKind};

pub(crate) use recorded::{RecordedError, write_item};
pub(crate) use replay::{Want, load};

/// A message of the agent, without the members no server of ours fills.
pub(crate) fn agent_message(id: String, text: String, phase: Option<MessagePhase>) -> ThreadItemKind {
    ThreadItemKind::AgentMessage {
        moderation: None,
        id,
        text,
        phase,
        memory_citation: None,
        delivery: None,
        questions: None,
    }
}

#[cfg(test)]
mod tests;
