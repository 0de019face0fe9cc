//! One parsed line of a rollout, borrowed from the reader's buffer. Must not know files.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use serde::{Deserialize, Serialize};
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// The file: [`Self::OWN_FILE`] for the thread's own, one less for what that continues, and so on.
    #[serde(rename = "f")]
    pub file: u16,
    /// Bytes of the file, decompressed, before the record.
    #[serde(rename = "o")]
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

/// What a line says of itself at its beginning, if it begins in the way of every known writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineHead<'a> {
    /// As [`Record::position`].
    pub position: Position,
    /// As [`Record::ordinal`].
    pub ordinal: Option<u64>,
    /// The line's `type`.
    pub kind: &'a str,
    /// The `type` of the payload of a `response_item` or an `event_msg`; empty for other kinds.
    pub payload_kind: &'a str,
    /// The payload as far as it was looked at.
    pub payload: &'a [u8],
}

impl<'a> LineHead<'a> {
    /// Reads the beginning of a line. `None` if a parser is needed to tell what the line is.
    pub(crate) fn read(line: &'a [u8], offset: u64) -> Option<Self> {
        let rest = line.strip_prefix(br#"{"timestamp":""#)?;
        let (_, rest) = word(rest, |byte| byte != b'\\' && byte >= b' ')?;
        let mut rest = rest.strip_prefix(b",")?;
        let mut ordinal = None;
        if let Some(number) = rest.strip_prefix(br#""ordinal":"#) {
            let digits = number.iter().take_while(|byte| byte.is_ascii_digit()).count();
            ordinal = Some(std::str::from_utf8(&number[..digits]).ok()?.parse().ok()?);
            rest = number[digits..].strip_prefix(b",")?;
        }
        let (kind, rest) = word(rest.strip_prefix(br#""type":""#)?, is_of_name)?;
        let payload = rest.strip_prefix(br#","payload":"#)?;
        let payload_kind = match kind {
            "response_item" | "event_msg" => word(payload.strip_prefix(br#"{"type":""#)?, is_of_name)?.0,
            _ => "",
        };
        let position = Position { file: Position::OWN_FILE, offset };
        Some(Self { position, ordinal, kind, payload_kind, payload })
    }

    /// The same in another file of the history.
    pub(crate) fn in_file(self, file: u16) -> Self {
        Self { position: Position { file, ..self.position }, ..self }
    }
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Takes off a short string up to its closing quotation mark, if all its bytes are as they should be.
fn word(bytes: &[u8], is_fine: fn(u8) -> bool) -> Option<(&str, &[u8])> {
    let len = bytes.iter().take(64).position(|byte| *byte == b'"')?;
    let (word, rest) = (&bytes[..len], &bytes[len + 1..]);
    let word = std::str::from_utf8(word).ok().filter(|word| word.bytes().all(is_fine))?;
    Some((word, rest))
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
    fn a_line_begins_with_what_it_is() {
        let check = |line: &str, expected: Option<(Option<u64>, &str, &str)>| {
            let head = LineHead::read(line.as_bytes(), 7);
            assert_eq!(head.map(|head| (head.ordinal, head.kind, head.payload_kind)), expected, "{line}");
            let Some(head) = head else { return };
            let record = Record::parse(line.as_bytes()).unwrap();
            assert_eq!((record.kind(), record.ordinal), (head.kind, head.ordinal));
            assert!(head.position.offset == 7 && head.payload.starts_with(record.payload().get().as_bytes()));
        };
        check(
            r#"{"timestamp":"2026-03-01T09:00:00.000Z","type":"event_msg","payload":{"type":"task_started"}}"#,
            Some((None, "event_msg", "task_started")),
        );
        check(
            r#"{"timestamp":"","ordinal":12,"type":"response_item","payload":{"type":"message","role":"user"}}"#,
            Some((Some(12), "response_item", "message")),
        );
        check(r#"{"timestamp":"x","type":"world_state","payload":[]}"#, Some((None, "world_state", "")));
        // What a parser reads in another way, or in the same at some other place.
        for line in [
            r#"{"type":"event_msg","timestamp":"","payload":{"type":"task_started"}}"#,
            r#"{"timestamp":"","type":"event_msg","payload":{"turn_id":"a","type":"task_started"}}"#,
            r#"{"timestamp":"","type":"event_msg","payload": {"type":"task_started"}}"#,
            r#"{"timestamp":"","type":"event\u005fmsg","payload":{"type":"task_started"}}"#,
            r#"{"timestamp":"\n","type":"x","payload":{}}"#,
            r#"{"timestamp":"","ordinal":-1,"type":"x","payload":{}}"#,
            r#"{"timestamp":"","ordinal":99999999999999999999,"type":"x","payload":{}}"#,
            r#"{"timestamp":"#,
            "",
        ] {
            check(line, None);
        }
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
