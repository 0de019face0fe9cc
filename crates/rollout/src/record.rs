//! One parsed line of a rollout, borrowed from the reader's buffer. Must not know files.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::meta::SessionMeta;

/// Rollout lines carry milliseconds.
const MILLISECONDS: DateTimePrinter = DateTimePrinter::new().precision(Some(3));

/// A line that is not a rollout record: not JSON, not an object of the right shape, or a known kind whose payload
/// does not parse. Both reference versions skip such a line.
#[derive(Debug, thiserror::Error)]
#[error("not a rollout record: {0}")]
pub struct Damaged(#[from] serde_json::Error);

/// Where a record stands in a thread's history. What comes later in the history compares greater, but for the
/// thread's own first `session_meta`, which is read before what the thread continues.
///
/// Good for one reading of one history: a revert adds a file, and then the same record stands elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The file: [`Self::OWN_FILE`] for the thread's own, one less for what that continues, and so on.
    pub file: u16,
    /// Bytes of the file, decompressed, before the record.
    pub offset: u64,
}

impl Position {
    /// The file that was asked for.
    pub const OWN_FILE: u16 = 16;
}

/// One line of a rollout (rollouts.md 2).
#[derive(Debug)]
pub struct Record<'a> {
    /// The line as it stands in the file, without its end; forks copy it verbatim.
    pub line: &'a [u8],
    /// Where the line stands; the start of a file for a line that was parsed on its own.
    pub position: Position,
    /// When the line was written, RFC 3339 UTC; empty when the file has none.
    pub timestamp: Cow<'a, str>,
    /// Position in a paginated file, 0-based.
    pub ordinal: Option<u64>,
    /// What the line says.
    pub body: Body<'a>,
    payload: &'a RawValue,
}

/// The payload of a record by kind.
#[derive(Debug)]
pub enum Body<'a> {
    /// Start of a thread. Only the first one of a file counts.
    SessionMeta(Box<SessionMeta>),
    /// One item of the model's history.
    ResponseItem(&'a RawValue),
    /// One event of a turn.
    Event(Event<'a>),
    /// Settings of a turn.
    TurnContext(&'a RawValue),
    /// The history was compacted.
    Compacted(&'a RawValue),
    /// A kind this version does not look into; kept because forks copy it.
    Other {
        /// The line's `type`.
        kind: Cow<'a, str>,
        /// The line's `payload`.
        payload: &'a RawValue,
    },
}

/// Payload of an `event_msg` line.
#[derive(Debug)]
pub struct Event<'a> {
    /// The payload's `type`.
    pub kind: Cow<'a, str>,
    /// The whole payload, `type` included.
    pub payload: &'a RawValue,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    timestamp: Cow<'a, str>,
    #[serde(default)]
    ordinal: Option<u64>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    payload: &'a RawValue,
}

#[derive(Deserialize)]
struct Tagged<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
}

impl<'a> Record<'a> {
    /// Parses one line without its end.
    ///
    /// # Errors
    /// [`Damaged`] when the line is no record; nothing of it can be used then.
    pub fn parse(line: &'a [u8]) -> Result<Self, Damaged> {
        let line = line.trim_ascii();
        if line.first() != Some(&b'{') {
            // serde would accept an array for a struct.
            return Err(Damaged(serde::de::Error::custom("not an object")));
        }
        let Envelope { timestamp, ordinal, kind, payload } = serde_json::from_slice(line)?;
        let body = match kind.as_ref() {
            "response_item" => Body::ResponseItem(payload),
            "event_msg" => Body::Event(Event { kind: event_kind(payload)?, payload }),
            "turn_context" => Body::TurnContext(payload),
            "compacted" => Body::Compacted(payload),
            "session_meta" => Body::SessionMeta(serde_json::from_str(payload.get())?),
            _ => Body::Other { kind, payload },
        };
        let position = Position { file: Position::OWN_FILE, offset: 0 };
        Ok(Self { line, position, timestamp, ordinal, body, payload })
    }

    /// Returns the line's `type`.
    pub fn kind(&self) -> &str {
        match &self.body {
            Body::SessionMeta(_) => "session_meta",
            Body::ResponseItem(_) => "response_item",
            Body::Event(_) => "event_msg",
            Body::TurnContext(_) => "turn_context",
            Body::Compacted(_) => "compacted",
            Body::Other { kind, .. } => kind,
        }
    }

    /// Returns the line's `payload`, whatever the kind.
    pub fn payload(&self) -> &'a RawValue {
        self.payload
    }

    /// Returns when the line was written, in milliseconds since the epoch, if it says so readably.
    pub fn timestamp_ms(&self) -> Option<i64> {
        parse_timestamp_ms(&self.timestamp)
    }
}

/// Reads `type` of an event's payload. Writers put it first, so the payload is rarely parsed for it.
fn event_kind(payload: &RawValue) -> Result<Cow<'_, str>, serde_json::Error> {
    if let Some(rest) = payload.get().strip_prefix(r#"{"type":""#)
        && let Some(end) = rest.find(['"', '\\'])
        && rest.as_bytes()[end] == b'"'
    {
        return Ok(Cow::Borrowed(&rest[..end]));
    }
    Ok(serde_json::from_str::<Tagged<'_>>(payload.get())?.kind)
}

/// Formats a time the way rollout lines carry it: RFC 3339, UTC, milliseconds.
pub fn timestamp_text(time: Timestamp) -> String {
    MILLISECONDS.timestamp_to_string(&time)
}

/// Reads an RFC 3339 time as milliseconds since the epoch.
pub(crate) fn parse_timestamp_ms(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(line: &str, expected: &Expect) {
        let text = match Record::parse(line.as_bytes()) {
            Ok(record) => {
                let event = match &record.body {
                    Body::Event(event) => format!(" {}", event.kind),
                    _ => String::new(),
                };
                format!("{} {:?}{event} {}", record.kind(), record.ordinal, record.payload())
            }
            Err(error) => error.to_string(),
        };
        expected.assert_eq(&text);
    }

    #[test]
    fn lines_are_read_by_kind() {
        check(
            r#"{"timestamp":"2026-03-01T09:00:00.000Z","type":"event_msg","payload":{"type":"user_message","message":"a\n"}}"#,
            &expect![[r#"event_msg None user_message {"type":"user_message","message":"a\n"}"#]],
        );
        check(
            r#"{"ordinal":4,"payload":{"a": 1, "type":"odd\u0041"},"type":"event_msg"}"#,
            &expect![[r#"event_msg Some(4) oddA {"a": 1, "type":"odd\u0041"}"#]],
        );
        check(r#"{"type":"world_state","payload":[]}"#, &expect!["world_state None []"]);
        check(
            r#"{"type":"event_msg","payload":{}}"#,
            &expect!["not a rollout record: missing field `type` at line 1 column 2"],
        );
        check(r#"["","x",{}]"#, &expect!["not a rollout record: not an object"]);
        check(
            r#"{"type":"compacted","payload":{"message":"#,
            &expect!["not a rollout record: EOF while parsing a value at line 1 column 41"],
        );
    }

    #[test]
    fn times_are_written_in_utc_milliseconds() {
        let time = Timestamp::from_millisecond(1_795_252_844_975).unwrap();
        assert_eq!(timestamp_text(time), "2026-11-21T09:20:44.975Z");
        assert_eq!(parse_timestamp_ms("2026-11-21T09:20:44.975Z"), Some(1_795_252_844_975));
        let whole = Timestamp::from_millisecond(1_795_252_844_000).unwrap();
        assert_eq!(timestamp_text(whole), "2026-11-21T09:20:44.000Z");
    }
}
