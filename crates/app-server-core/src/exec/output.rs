//! What a command says: bytes to text, secrets masked, told as deltas and kept for the item and the model.
//!
//! Nothing is dropped between the command and the client: whoever reads waits while the client is slow, the pipe fills,
//! and the command waits. What is *kept* is bounded: the first and the last half of [`KEPT_BYTES`].

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use app_server_protocol::ServerNotification;
use app_server_protocol::v2::CommandExecutionOutputDeltaNotification;

use crate::secrets::Masker;
use crate::turn::TurnContext;

/// How much of an output is kept (tools specification 3).
const KEPT_BYTES: usize = 1024 * 1024;

/// The first and the last part of a long text.
#[derive(Debug, Default)]
pub(crate) struct Capture {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    total: usize,
}

impl Capture {
    pub(crate) fn push(&mut self, text: &str) {
        let mut bytes = text.as_bytes();
        self.total += bytes.len();
        let room = (KEPT_BYTES / 2).saturating_sub(self.head.len());
        let (first, rest) = bytes.split_at(room.min(bytes.len()));
        self.head.extend_from_slice(first);
        bytes = &rest[rest.len().saturating_sub(KEPT_BYTES / 2)..];
        let excess = (self.tail.len() + bytes.len()).saturating_sub(KEPT_BYTES / 2);
        self.tail.drain(..excess);
        self.tail.extend(bytes);
    }

    /// The size of everything that came, kept or not.
    pub(crate) fn total(&self) -> usize {
        self.total
    }

    /// What is kept, with a line for what is not.
    pub(crate) fn text(&self) -> String {
        let mut bytes = self.head.clone();
        let omitted = self.total - self.head.len() - self.tail.len();
        if omitted > 0 {
            bytes.extend_from_slice(format!("\n[{omitted} bytes omitted]\n").as_bytes());
        }
        let (a, b) = self.tail.as_slices();
        bytes.extend_from_slice(a);
        bytes.extend_from_slice(b);
        // Whole characters come in; only the cut of a long text can be within one.
        String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }
}

/// Bytes to text: a character that is split over two pieces stays one, and what is no text becomes U+FFFD.
#[derive(Debug, Default)]
struct Decoder {
    held: Vec<u8>,
}

impl Decoder {
    fn push(&mut self, bytes: &[u8]) -> String {
        self.held.extend_from_slice(bytes);
        let keep = incomplete_end(&self.held);
        let rest = self.held.split_off(self.held.len() - keep);
        let bytes = std::mem::replace(&mut self.held, rest);
        String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }

    fn finish(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.held)).into_owned()
    }
}

/// The length of a character at the end whose other bytes may still come.
fn incomplete_end(bytes: &[u8]) -> usize {
    for back in 1..=bytes.len().min(3) {
        let byte = bytes[bytes.len() - back];
        let needs = match byte {
            0xC2..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF4 => 4,
            0x80..=0xBF => continue,
            _ => 0,
        };
        return if needs > back { back } else { 0 };
    }
    0
}

/// The output of one item; several attempts to run its command add to the same.
pub(crate) struct ItemOutput {
    context: Arc<TurnContext>,
    /// `None`: the client is told nothing.
    item_id: Option<String>,
    whole: Mutex<Capture>,
}

impl ItemOutput {
    pub(crate) fn new(context: Arc<TurnContext>, item_id: &str) -> Self {
        ItemOutput { context, item_id: Some(item_id.to_owned()), whole: Mutex::default() }
    }

    /// Output that belongs to no item.
    pub(crate) fn silent(context: Arc<TurnContext>) -> Self {
        ItemOutput { context, item_id: None, whole: Mutex::default() }
    }

    pub(crate) fn context(&self) -> &Arc<TurnContext> {
        &self.context
    }

    /// Everything that was told, in the limits of what is kept.
    pub(crate) fn text(&self) -> String {
        self.whole.lock().unwrap_or_else(PoisonError::into_inner).text()
    }

    fn tell(&self, delta: String) {
        let Some(item_id) = self.item_id.clone() else { return };
        self.whole.lock().unwrap_or_else(PoisonError::into_inner).push(&delta);
        self.context.notify(ServerNotification::ItemCommandExecutionOutputDelta(
            CommandExecutionOutputDeltaNotification {
                delta,
                item_id,
                thread_id: self.context.thread.id().to_owned(),
                turn_id: self.context.turn_id.clone(),
            },
        ));
    }
}

/// The way of one process's bytes to its item.
pub(crate) struct OutputPump {
    item: Arc<ItemOutput>,
    decoder: Decoder,
    masker: Masker,
}

impl OutputPump {
    pub(crate) fn new(item: Arc<ItemOutput>) -> Self {
        let masker = item.context.thread.services.secrets().masker();
        OutputPump { item, decoder: Decoder::default(), masker }
    }

    /// Takes bytes as they come and returns the text they made known.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> String {
        let text = self.decoder.push(bytes);
        self.tell(|masker| masker.push(&text).into_owned())
    }

    /// Tells what was held back because it could have been the beginning of a secret: nothing has followed.
    pub(crate) fn pause(&mut self) -> String {
        self.tell(Masker::finish)
    }

    /// Takes the end of the output.
    pub(crate) fn finish(&mut self) -> String {
        let text = self.decoder.finish();
        self.tell(|masker| {
            let mut text = masker.push(&text).into_owned();
            text.push_str(&masker.finish());
            text
        })
    }

    fn tell(&mut self, mask: impl FnOnce(&mut Masker) -> String) -> String {
        let text = mask(&mut self.masker);
        if !text.is_empty() {
            self.item.tell(text.clone());
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_stay_whole_however_the_bytes_are_split() {
        let text = "aä€😀\u{fffd}z";
        for size in 1..=text.len() {
            let mut decoder = Decoder::default();
            let mut decoded: String = text.as_bytes().chunks(size).map(|bytes| decoder.push(bytes)).collect();
            decoded.push_str(&decoder.finish());
            assert_eq!(decoded, text, "in pieces of {size}");
        }
        let mut decoder = Decoder::default();
        assert_eq!(decoder.push(b"a\xffb\xe2\x82"), "a\u{fffd}b");
        assert_eq!(decoder.finish(), "\u{fffd}");
    }

    #[test]
    fn a_long_output_keeps_both_ends() {
        let mut capture = Capture::default();
        capture.push("first\n");
        for _ in 0..300 {
            capture.push(&"x".repeat(10_000));
        }
        capture.push("last\n");
        let text = capture.text();
        assert!(text.starts_with("first\n") && text.ends_with("last\n"));
        assert!(text.len() < KEPT_BYTES + 100);
        assert_eq!(capture.total(), 3_000_011);
        assert!(text.contains("bytes omitted"));
        let mut short = Capture::default();
        short.push("äb");
        assert_eq!(short.text(), "äb");
    }
}
