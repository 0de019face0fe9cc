//! Names of rollout files: `rollout-YYYY-MM-DDThh-mm-ss-<thread id>[_<segment>].jsonl`, perhaps with `.zst` behind.
//! Must not touch the disk.

use std::path::PathBuf;

use jiff::Zoned;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use uuid::Uuid;

/// What a rollout's name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parsed {
    /// The name's time read as if it were UTC, in seconds since the epoch (writers put local time there).
    pub(crate) seconds: i64,
    pub(crate) id: Uuid,
    /// What tells the files of one thread apart: 0.169 goes on in another one after each revert. The first file's
    /// is the thread id, which its name does not repeat.
    pub(crate) segment: Uuid,
    pub(crate) compressed: bool,
}

const TIME_CHARS: usize = 19;
const UUID_CHARS: usize = 36;

/// Reads a file name; `None` for any other file.
pub(crate) fn parse(name: &str) -> Option<Parsed> {
    let (stem, compressed) = match name.strip_suffix(".jsonl.zst") {
        Some(stem) => (stem, true),
        None => (name.strip_suffix(".jsonl")?, false),
    };
    let rest = stem.strip_prefix("rollout-")?;
    let (time, ids) = rest.split_at_checked(TIME_CHARS)?;
    let ids = ids.strip_prefix('-')?;
    let (id, segment) = ids.split_once('_').unwrap_or((ids, ids));
    Some(Parsed { seconds: seconds(time)?, id: uuid(id)?, segment: uuid(segment)?, compressed })
}

fn uuid(text: &str) -> Option<Uuid> {
    // The other spellings of an id are no part of a name.
    (text.len() == UUID_CHARS).then(|| Uuid::try_parse(text).ok())?
}

/// Reads `YYYY-MM-DDThh-mm-ss` as if it were UTC.
pub(crate) fn seconds(text: &str) -> Option<i64> {
    Some(Offset::UTC.to_timestamp(civil(text)?).ok()?.as_second())
}

fn civil(text: &str) -> Option<DateTime> {
    const SHAPE: &[u8] = b"0000-00-00T00-00-00";
    let bytes = text.as_bytes();
    let fits =
        |(&byte, &shape): (&u8, &u8)| if shape == b'0' { byte.is_ascii_digit() } else { byte == shape };
    if bytes.len() != SHAPE.len() || !bytes.iter().zip(SHAPE).all(fits) {
        return None;
    }
    let field = |from: usize, to: usize| text[from..to].parse::<i8>().ok();
    let year = text[..4].parse().ok()?;
    DateTime::new(year, field(5, 7)?, field(8, 10)?, field(11, 13)?, field(14, 16)?, field(17, 19)?, 0).ok()
}

/// Returns `YYYY/MM/DD/<name>`, the place of a new thread under `sessions/`, in the time zone of `now`.
pub(crate) fn dated(id: Uuid, now: &Zoned) -> PathBuf {
    let day = now.strftime("%Y/%m/%d");
    let time = now.strftime("%Y-%m-%dT%H-%M-%S");
    PathBuf::from(format!("{day}/rollout-{time}-{id}.jsonl"))
}

/// Returns `YYYY/MM/DD` as the name says; `None` for any other file.
pub(crate) fn day_of(name: &str) -> Option<PathBuf> {
    parse(name)?;
    let date = name.strip_prefix("rollout-")?.get(..10)?;
    Some(date.split('-').collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "rollout-2026-03-01T23-59-58-01950000-0000-7000-8000-000000000001.jsonl";

    #[test]
    fn a_name_tells_time_and_id() {
        let parsed = parse(NAME).unwrap();
        assert_eq!(parsed.seconds, 1_772_409_598);
        assert_eq!(parsed.id.to_string(), "01950000-0000-7000-8000-000000000001");
        assert_eq!(parsed.segment, parsed.id);
        assert!(!parsed.compressed);
        assert!(parse(&format!("{NAME}.zst")).unwrap().compressed);
        assert_eq!(day_of(NAME).unwrap(), PathBuf::from("2026/03/01"));
    }

    #[test]
    fn a_name_tells_the_segment() {
        let name = NAME.replace(".jsonl", "_01950000-0000-7000-8000-0000000000a1.jsonl");
        let parsed = parse(&name).unwrap();
        assert_eq!(parsed.id, parse(NAME).unwrap().id);
        assert_eq!(parsed.segment.to_string(), "01950000-0000-7000-8000-0000000000a1");
        assert!(parse(&format!("{name}.zst")).unwrap().compressed);
        assert_eq!(day_of(&name).unwrap(), PathBuf::from("2026/03/01"));
    }

    #[test]
    fn other_files_are_not_rollouts() {
        for name in [
            "",
            "rollout-.jsonl",
            "rollout-2026-03-01T23-59-58-01950000.jsonl",
            "rollout-2026-13-01T23-59-58-01950000-0000-7000-8000-000000000001.jsonl",
            "rollout-2026-03-01T23-59-58x01950000-0000-7000-8000-000000000001.jsonl",
            "rollout-2026-03-01T23-59-58-01950000-0000-7000-8000-000000000001.json",
            "rollout-2026-03-01T23-59-58-01950000000070008000000000000001.jsonl",
            "rollout-2026-03-01T23-59-58-01950000-0000-7000-8000-000000000001_.jsonl",
            "rollout-2026-03-01T23-59-58-01950000-0000-7000-8000-000000000001_1.jsonl",
            "rollout-2026-03-01T23-59-58-_01950000-0000-7000-8000-000000000001.jsonl",
            "rollout-äääääääääääääääääääääääääää-7000-8000-000000000001.jsonl",
        ] {
            assert_eq!(parse(name), None, "{name}");
        }
    }

    #[test]
    fn a_new_thread_lies_in_its_local_day() {
        let now: Zoned = "2026-03-01T00:10:00+02:00[+02:00]".parse().unwrap();
        let id = Uuid::from_u128(7);
        assert_eq!(
            dated(id, &now).to_str().unwrap(),
            format!("2026/03/01/rollout-2026-03-01T00-10-00-{id}.jsonl")
        );
    }
}
