//! What a list needs of a rollout, read from its first records. Must not read a file to its end.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::meta::SessionMeta;
use crate::reader::{ReadError, Reading, read};
use crate::record::{Body, Event, LineHead, Record, parse_timestamp_ms};
use crate::sections::Placement;

/// The references look for the first user message in 10 records, and 200 more once a `session_meta` was seen. We
/// always allow both: never showing fewer threads matters more than stopping early in a file that has no meta.
const WINDOW_RECORDS: u64 = 210;

/// Junk lines that may precede all that; bounds the read of a file that is no rollout at all.
const WINDOW_DAMAGED: u64 = 1000;

/// Editors prepend context under headings of their own; the user's words come below one that starts like this.
const REQUEST_HEADING: &str = "## My request";

/// A thread as a list shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// The first `session_meta`. In a list without `base_instructions` and `dynamic_tools`, which can be large.
    pub meta: SessionMeta,
    /// Text of the first user message; `None` before it, or when it has no text.
    pub preview: Option<String>,
    /// Whether a user message was seen; without one a thread is not listed.
    pub has_user_message: bool,
    /// The rollout.
    pub path: PathBuf,
    /// Whether the thread is archived.
    pub archived: bool,
    /// Creation, Unix seconds.
    pub created_at: i64,
    /// Last write to the file, Unix seconds.
    pub updated_at: i64,
    /// Last user activity, Unix seconds. A file alone does not tell it, so this is the last write.
    pub recency_at: i64,
    /// Bytes of the file (compressed, if it is).
    pub size: u64,
    /// The thread's name, if it was given one.
    pub name: Option<String>,
    /// Model of the last turn; `None` where the end of the file does not say.
    pub model: Option<String>,
    /// Reasoning effort of the last turn, likewise.
    pub effort: Option<String>,
    /// The section of the list it is in.
    pub placement: Option<Placement>,
}

/// Why a rollout has no header.
#[derive(Debug, thiserror::Error)]
pub enum HeaderError {
    /// The file cannot be read, or is blank.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// No readable `session_meta` in the head of the file.
    #[error("no session_meta in {}", .0.display())]
    NoSessionMeta(PathBuf),
}

/// The part of a header that never changes once [`Head::is_complete`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Head {
    pub(crate) meta: SessionMeta,
    pub(crate) preview: Option<String>,
    pub(crate) has_user_message: bool,
    /// Where a paginated file has that user message.
    pub(crate) user_message_ordinal: Option<u64>,
    /// Unix seconds; `None` if neither the meta nor its line has a readable time.
    pub(crate) created_at: Option<i64>,
    /// Whether appends cannot change the above: the user message was found, or the window is used up.
    pub(crate) is_complete: bool,
}

impl Head {
    /// Reads the head of a rollout.
    pub(crate) fn read(path: &Path) -> Result<Self, HeaderError> {
        let mut builder = Builder::default();
        let _ = read(path, &mut builder)?;
        builder.finish().ok_or_else(|| HeaderError::NoSessionMeta(path.to_owned()))
    }
}

#[derive(Default)]
struct Builder {
    meta: Option<Box<SessionMeta>>,
    meta_line_ms: Option<i64>,
    user_message: Option<Option<String>>,
    user_message_ordinal: Option<u64>,
    records: u64,
    damaged: u64,
}

impl Reading for Builder {
    fn wants(&self, _head: &LineHead<'_>) -> bool {
        true
    }

    fn damaged(&mut self) -> ControlFlow<()> {
        self.damaged += 1;
        self.flow()
    }

    fn take(&mut self, record: Record<'_>) -> ControlFlow<()> {
        self.records += 1;
        self.record(&record);
        self.flow()
    }
}

impl Builder {
    fn flow(&self) -> ControlFlow<()> {
        let is_found = self.meta.is_some() && self.user_message.is_some();
        if is_found || self.is_window_used_up() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn record(&mut self, record: &Record<'_>) {
        match &record.body {
            Body::SessionMeta(meta) if self.meta.is_none() => {
                self.meta = Some(meta.clone());
                self.meta_line_ms = record.timestamp_ms();
            }
            Body::Event(event) if self.user_message.is_none() => {
                self.user_message = user_message(event);
                self.user_message_ordinal = self.user_message.as_ref().and(record.ordinal);
            }
            _ => {}
        }
    }

    fn is_window_used_up(&self) -> bool {
        self.records >= WINDOW_RECORDS || self.damaged >= WINDOW_DAMAGED
    }

    fn finish(self) -> Option<Head> {
        let is_complete = self.user_message.is_some() || self.is_window_used_up();
        let meta = *self.meta?;
        let created_ms = parse_timestamp_ms(&meta.timestamp).or(self.meta_line_ms);
        Some(Head {
            created_at: created_ms.map(|ms| ms.div_euclid(1000)),
            has_user_message: self.user_message.is_some(),
            preview: self.user_message.flatten(),
            user_message_ordinal: self.user_message_ordinal,
            meta,
            is_complete,
        })
    }
}

#[derive(Deserialize)]
struct UserMessage {
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
struct ItemCompleted {
    item: Item,
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum Item {
    UserMessage {
        #[serde(default)]
        content: Vec<Content>,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    text: Option<String>,
}

/// Returns the text of a user message, `Some(None)` if it has none, `None` if the event is no user message.
fn user_message(event: &Event<'_>) -> Option<Option<String>> {
    let text = match event.kind.as_ref() {
        "user_message" => serde_json::from_str::<UserMessage>(event.payload.get()).ok()?.message,
        "item_completed" => match serde_json::from_str::<ItemCompleted>(event.payload.get()).ok()?.item {
            Item::UserMessage { content } => {
                content.into_iter().find_map(|part| part.text).unwrap_or_default()
            }
            Item::Other => return None,
        },
        _ => return None,
    };
    Some(preview(text))
}

fn preview(text: String) -> Option<String> {
    if let Some(request) = below_request_heading(&text) {
        return Some(request.to_owned());
    }
    (!text.trim().is_empty()).then_some(text)
}

fn below_request_heading(text: &str) -> Option<&str> {
    let at = text.find(REQUEST_HEADING)?;
    let is_at_line_start = at == 0 || text.as_bytes()[at - 1] == b'\n';
    let (_heading, request) = text[at..].split_once('\n')?;
    let request = request.trim();
    (is_at_line_start && !request.is_empty()).then_some(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_is_what_the_user_asked() {
        let check =
            |text: &str, expected: Option<&str>| assert_eq!(preview(text.to_owned()).as_deref(), expected);
        check("hi  ", Some("hi  "));
        check(" \n", None);
        check("# Open files\na.rs\n\n## My request for the assistant:\n  fix it\n", Some("fix it"));
        check("## My request", Some("## My request"));
        check("what does `x## My request` mean?\nsay", Some("what does `x## My request` mean?\nsay"));
    }
}
