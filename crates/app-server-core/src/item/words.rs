//! What the user and the agent said in a thread, as texts to look into. Must not know what is looked for.

use app_server_protocol::v2::{ThreadItemKind, UserInput};
use app_server_rollout::{Body, Record};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::recorded::read_item;

/// The texts that a record has of the user or the agent. A file may have the same words in several records.
pub(crate) fn said(record: &Record<'_>) -> Vec<String> {
    #[derive(Deserialize)]
    struct Message {
        #[serde(default)]
        message: String,
    }
    #[derive(Deserialize)]
    struct Completed<'a> {
        #[serde(borrow)]
        item: &'a RawValue,
    }
    let Body::Event(event) = &record.body else { return Vec::new() };
    let payload = event.payload.get();
    match event.kind.as_ref() {
        "user_message" | "agent_message" => {
            serde_json::from_str::<Message>(payload).map_or_else(|_| Vec::new(), |event| vec![event.message])
        }
        "item_completed" => {
            let item = serde_json::from_str::<Completed<'_>>(payload).ok().map(|event| event.item);
            // The others can be large, and need not be read.
            let item = item.filter(|item| is_message(item)).and_then(read_item);
            item.map_or_else(Vec::new, |item| texts(&item).map(str::to_owned).collect())
        }
        _ => Vec::new(),
    }
}

/// Whether the record drops turns, so that what was said before it may be gone.
pub(crate) fn drops_turns(record: &Record<'_>) -> bool {
    matches!(&record.body, Body::Event(event) if event.kind == "thread_rolled_back")
}

/// The texts of a message; other items have none.
pub(crate) fn texts(item: &ThreadItemKind) -> impl Iterator<Item = &str> {
    let (content, text) = match item {
        ThreadItemKind::UserMessage { content, .. } => (content.as_slice(), None),
        ThreadItemKind::AgentMessage { text, .. } => (&[][..], Some(text.as_str())),
        _ => (&[][..], None),
    };
    let of_user = content.iter().filter_map(|part| match part {
        UserInput::Text { text, .. } => Some(text.as_str()),
        _ => None,
    });
    of_user.chain(text)
}

/// Whether an item is a message, in the reference's spelling or the wire's.
fn is_message(item: &RawValue) -> bool {
    #[derive(Deserialize)]
    struct Tag<'a> {
        #[serde(borrow, rename = "type")]
        kind: std::borrow::Cow<'a, str>,
    }
    serde_json::from_str::<Tag<'_>>(item.get()).is_ok_and(|tag| {
        matches!(tag.kind.as_ref(), "UserMessage" | "userMessage" | "AgentMessage" | "agentMessage")
    })
}
