//! Pictures in messages of the user. A file has a large one once, in what the model sees of the message; the records of
//! the message that follow refer to it.

use app_server_protocol::v2::{MediaSource, ThreadItemKind, UserInput};
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

/// How words in the user's role begin that the model saw. Every writer puts type and role first.
pub(super) const USER_MESSAGE: &str = r#"{"type":"message","role":"user""#;

/// A picture up to this length is in every record of its message, so that other programs can draw it.
const SMALL_BYTES: usize = 4096;

/// How a reference begins. The place of the picture among those of the message follows, and a part of its hash, so that
/// no other picture is taken for it when records are damaged.
const REFERENCE: &str = "rollout:image/";

/// As much of the hash as is in a reference, which has two digits for each.
const HASH_BYTES: usize = 8;

/// Shown in place of a picture that is not in the file any more: a picture without data.
const GONE: &str = "data:,";

/// The pictures in a message as the model sees it.
#[derive(Debug, Default)]
pub(super) struct Pictures(Vec<String>);

/// Whether the model sees pictures in this message of the user.
pub(super) fn has_pictures(message: &RawValue) -> bool {
    message.get().starts_with(USER_MESSAGE) && message.get().contains(r#""input_image""#)
}

impl Pictures {
    /// Reads the pictures of a message that stands in a file. There are none in what is no message of the user.
    pub(super) fn of(message: &RawValue) -> Pictures {
        #[derive(Deserialize)]
        struct Message {
            content: Vec<Part>,
        }
        #[derive(Deserialize)]
        struct Part {
            #[serde(default)]
            image_url: Option<String>,
        }
        let message = has_pictures(message).then(|| serde_json::from_str::<Message>(message.get()));
        let parts = message.and_then(Result::ok).map(|message| message.content).unwrap_or_default();
        Pictures(parts.into_iter().filter_map(|part| part.image_url).collect())
    }

    /// The item with references to the large ones of these pictures; `None` if it has none of them.
    pub(super) fn referred(&self, item: &ThreadItemKind) -> Option<ThreadItemKind> {
        let ThreadItemKind::UserMessage { id, client_id, content } = item else { return None };
        let mut is_changed = false;
        let refer = |part: &UserInput| match part {
            UserInput::Image { source: MediaSource::Url { url }, detail }
                if let Some(url) = self.reference(url) =>
            {
                is_changed = true;
                UserInput::Image { source: MediaSource::Url { url }, detail: *detail }
            }
            other => other.clone(),
        };
        let content = content.iter().map(refer).collect();
        is_changed.then(|| ThreadItemKind::UserMessage {
            id: id.clone(),
            client_id: client_id.clone(),
            content,
        })
    }

    /// The line of an item with references to the large ones of these pictures, all else as it was; `None` if it has
    /// none of them.
    pub(super) fn referred_line(&self, line: &[u8]) -> Option<String> {
        let line = std::str::from_utf8(line).ok()?;
        let mut changed = None;
        for url in &self.0 {
            let Some(reference) = self.reference(url) else { continue };
            let (url, reference) = (json_text(url)?, json_text(&reference)?);
            let text = changed.as_deref().unwrap_or(line);
            if text.contains(&url) {
                changed = Some(text.replace(&url, &reference));
            }
        }
        changed
    }

    /// What stands for a picture in the records behind the message, if it is one of the message's and too large to be
    /// repeated. What only looks like a reference is referred to as well, so that it comes back as it was.
    fn reference(&self, url: &str) -> Option<String> {
        let is_large = url.len() > SMALL_BYTES && url.starts_with("data:");
        if !is_large && !is_reference(url) {
            return None;
        }
        let at = self.0.iter().position(|picture| picture == url)?;
        Some(format!("{REFERENCE}{at}/{}", hash(url)))
    }

    /// The picture that is referred to.
    fn resolve(&self, reference: &str) -> Option<String> {
        let (at, expected) = parse(reference)?;
        let picture = self.0.get(at)?;
        (hash(picture) == expected).then(|| picture.clone())
    }
}

/// Whether this stands for a picture.
pub(super) fn is_reference(url: &str) -> bool {
    parse(url).is_some()
}

/// Puts the pictures that are referred to into the item; `message` is what the model saw before it.
pub(super) fn resolve(item: &mut ThreadItemKind, message: Option<&RawValue>) {
    let ThreadItemKind::UserMessage { content, .. } = item else { return };
    let mut pictures = None;
    for part in content {
        if let UserInput::Image { source: MediaSource::Url { url }, .. } = part
            && is_reference(url)
        {
            let pictures = pictures.get_or_insert_with(|| message.map(Pictures::of).unwrap_or_default());
            *url = pictures.resolve(url).unwrap_or_else(|| GONE.to_owned());
        }
    }
}

fn parse(url: &str) -> Option<(usize, &str)> {
    let (at, hash) = url.strip_prefix(REFERENCE)?.split_once('/')?;
    let is_hash = hash.len() == 2 * HASH_BYTES && hash.bytes().all(|digit| digit.is_ascii_hexdigit());
    Some((at.parse().ok()?, hash)).filter(|_| is_hash)
}

fn hash(url: &str) -> String {
    Sha256::digest(url).iter().take(HASH_BYTES).map(|byte| format!("{byte:02x}")).collect()
}

fn json_text(text: &str) -> Option<String> {
    serde_json::to_string(text).ok()
}
