//! Items and turns on disk: how a completed item is recorded, and how turns come back from a rollout of any writer.

mod output;
mod rebuild;
mod recorded;
mod replay;

use app_server_protocol::v2::{GeneratedImage, MessagePhase, ThreadItemKind};

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

/// An image the model's provider made, without the members no server of ours fills.
pub(crate) fn generated_image(
    id: String,
    status: Option<String>,
    revised_prompt: Option<String>,
    result: Option<String>,
) -> ThreadItemKind {
    ThreadItemKind::ImageGeneration {
        id,
        status: status.unwrap_or_else(|| "completed".to_owned()),
        image: GeneratedImage::Inline { result: result.unwrap_or_default() },
        revised_prompt,
        saved_path: None,
        failure: None,
        generation_id: None,
        input_images: Vec::new(),
        transparent_background: None,
    }
}

#[cfg(test)]
mod tests;
