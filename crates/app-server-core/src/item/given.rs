//! A history that a client gives, as the lines of a rollout. Must not know where it comes from.

use std::io;

use app_server_protocol::v2::{
    ContentItem, ImageContentSource, MediaSource, ReasoningItemContent, ReasoningItemReasoningSummary,
    ResponseItem, ThreadItemKind, UserInput,
};
use app_server_rollout::Batch;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::agent_message;
use super::pictures::Pictures;
use super::recorded::legacy_events;
use crate::history::is_real_user_message;
use crate::secrets::Secrets;

/// Adds the items with the events that make turns of them for every reader: one for each message of the user, none of
/// them named. Known secrets are masked.
///
/// # Errors
/// When a line cannot be composed.
pub(crate) fn write_given(batch: &mut Batch, items: &[ResponseItem], secrets: &Secrets) -> io::Result<()> {
    for item in items {
        let raw = in_order(item)?;
        let raw = RawValue::from_string(secrets.mask(&raw).into_owned())?;
        // Read again, so that the events are masked as well.
        match serde_json::from_str(raw.get())? {
            ResponseItem::Other => {}
            ResponseItem::Message { role, content, .. } if role == "user" && is_real_user_message(&raw) => {
                batch.response_item(&raw)?;
                let content = content.into_iter().filter_map(input).collect();
                let message = ThreadItemKind::UserMessage { id: String::new(), client_id: None, content };
                let referred = Pictures::of(&raw).referred(&message);
                events(batch, referred.as_ref().unwrap_or(&message))?;
            }
            ResponseItem::Message { role, content, phase, .. } if role == "assistant" => {
                let text = content.into_iter().filter_map(text).collect();
                events(batch, &agent_message(String::new(), text, phase))?;
                batch.response_item(&raw)?;
            }
            ResponseItem::Reasoning { summary, content, .. } => {
                let summary = summary.into_iter().map(|part| match part {
                    ReasoningItemReasoningSummary::SummaryText { text } => text,
                });
                let content = content.into_iter().flatten().map(|part| match part {
                    ReasoningItemContent::ReasoningText { text } | ReasoningItemContent::Text { text } => {
                        text
                    }
                });
                let (summary, content) = (summary.collect(), content.collect());
                events(batch, &ThreadItemKind::Reasoning { id: String::new(), summary, content })?;
                batch.response_item(&raw)?;
            }
            _ => batch.response_item(&raw)?,
        }
    }
    Ok(())
}

/// An item as JSON with its type and role first, where every writer of rollouts has them.
fn in_order(item: &ResponseItem) -> serde_json::Result<String> {
    let mut members = match serde_json::to_value(item)? {
        Value::Object(members) => members,
        other => return serde_json::to_string(&other),
    };
    let first = ["type", "role"].map(|name| members.shift_remove_entry(name));
    let ordered: Map<String, Value> = first.into_iter().flatten().chain(members).collect();
    serde_json::to_string(&ordered)
}

fn events(batch: &mut Batch, item: &ThreadItemKind) -> io::Result<()> {
    legacy_events(batch, "", item)
}

fn input(part: ContentItem) -> Option<UserInput> {
    match part {
        // The marks around pictures are the model's.
        ContentItem::InputText { text } if text == "</image>" || text.starts_with("<image name=[Image #") => {
            None
        }
        ContentItem::InputText { text } | ContentItem::OutputText { text, .. } => {
            Some(UserInput::Text { text, text_elements: Vec::new() })
        }
        ContentItem::InputImage { source: ImageContentSource::Url { image_url: url }, detail } => {
            Some(UserInput::Image { source: MediaSource::Url { url }, detail })
        }
        ContentItem::InputImage { .. } | ContentItem::InputAudio { .. } => None,
    }
}

fn text(part: ContentItem) -> Option<String> {
    match part {
        ContentItem::OutputText { text, .. } | ContentItem::InputText { text } => Some(text),
        _ => None,
    }
}
