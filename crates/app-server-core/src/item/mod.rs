//! Items and turns on disk: how a completed item is recorded, and how turns come back from a rollout of any writer.

mod copy;
mod given;
mod outline;
mod output;
mod pictures;
mod rebuild;
mod recorded;
mod replay;
mod words;

use app_server_protocol::v2::{MessagePhase, ThreadItemKind};

pub(crate) use copy::{Cut, OpenTurn, Part, copy};
pub(crate) use given::write_given;
pub(crate) use outline::{Outline, TurnEntry, TurnPlace, outline, outline_until, turns, turns_text};
pub(crate) use rebuild::id_of;
pub(crate) use recorded::{RecordedError, write_item};
pub(crate) use replay::{Loaded, Want, load, load_outlined, load_until};
pub(crate) use words::{drops_turns, said, texts};

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
