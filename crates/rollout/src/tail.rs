//! What the end of a rollout says of the last turn's settings, read backwards. Must not read a large file to its
//! beginning.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use serde::{Deserialize, Serialize};

/// Bytes read first, and by how much more each further look takes.
const FIRST_LOOK: u64 = 16 * 1024;
const MORE: u64 = 8;
/// Bytes read at most: a turn that is longer hides its settings.
const LAST_LOOK: u64 = FIRST_LOOK * MORE * MORE * MORE;

/// Every writer has the kind of a line this close to its beginning.
const KIND_WITHIN: usize = 160;
const KIND: &[u8] = br#""type":"turn_context""#;

/// Settings of a thread's last turn; nothing where the file does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tail {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) model: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) effort: Option<String>,
}

/// What a record of a turn's settings says of its model.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "Context")]
pub struct TurnSettings {
    /// The model's name.
    pub model: String,
    /// The effort, wherever the writer put it.
    pub effort: Option<String>,
}

#[derive(Deserialize)]
struct Context {
    model: String,
    #[serde(default)]
    effort: Option<String>,
    #[serde(default)]
    collaboration_mode: Option<Mode>,
}

#[derive(Deserialize)]
struct Mode {
    #[serde(default)]
    settings: Option<ModeSettings>,
}

#[derive(Deserialize)]
struct ModeSettings {
    #[serde(default)]
    reasoning_effort: Option<String>,
}

impl From<Context> for TurnSettings {
    fn from(context: Context) -> Self {
        let Context { model, effort, collaboration_mode } = context;
        let of_mode = || collaboration_mode?.settings?.reasoning_effort;
        TurnSettings { model, effort: effort.or_else(of_mode) }
    }
}

impl Tail {
    /// Reads the end of a plain rollout; a compressed one has no end that can be read by itself.
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        if path.extension().is_some_and(|extension| extension == "zst") {
            return Ok(Self::default());
        }
        let mut file = File::open(path)?;
        let size = file.metadata()?.len();
        let mut look = FIRST_LOOK;
        let mut bytes = Vec::new();
        loop {
            let start = size.saturating_sub(look);
            file.seek(SeekFrom::Start(start))?;
            bytes.clear();
            (&mut file).take(look).read_to_end(&mut bytes)?;
            if let Some(tail) = last_settings(&bytes, start == 0) {
                return Ok(tail);
            }
            if start == 0 || look >= LAST_LOOK {
                return Ok(Self::default());
            }
            look *= MORE;
        }
    }
}

/// Finds the last settings in the last lines of a file. The first one is whole if it begins the file.
fn last_settings(bytes: &[u8], is_whole: bool) -> Option<Tail> {
    let mut lines = bytes;
    if !is_whole {
        let end = bytes.iter().position(|&byte| byte == b'\n')?;
        lines = &bytes[end + 1..];
    }
    lines.rsplit(|&byte| byte == b'\n').filter(|line| is_turn_context(line)).find_map(read_line)
}

fn is_turn_context(line: &[u8]) -> bool {
    let head = &line[..line.len().min(KIND_WITHIN)];
    head.windows(KIND.len()).any(|window| window == KIND)
}

fn read_line(line: &[u8]) -> Option<Tail> {
    #[derive(Deserialize)]
    struct Line {
        payload: TurnSettings,
    }
    let Line { payload: TurnSettings { model, effort } } = serde_json::from_slice(line).ok()?;
    Some(Tail { model: Some(model), effort })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(model: &str, more: &str) -> String {
        format!(
            r#"{{"timestamp":"2026-03-01T09:00:00.000Z","type":"turn_context","payload":{{"model":"{model}"{more}}}}}"#
        )
    }

    #[track_caller]
    fn check(content: &str, model: Option<&str>, effort: Option<&str>) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.jsonl");
        std::fs::write(&path, content).unwrap();
        let expected = Tail { model: model.map(str::to_owned), effort: effort.map(str::to_owned) };
        assert_eq!(Tail::read(&path).unwrap(), expected);
    }

    #[test]
    fn the_last_settings_count() {
        check("", None, None);
        check("{\"type\":\"session_meta\"}\n", None, None);
        let (first, second) = (context("a", ""), context("b", r#","effort":"low""#));
        check(&format!("{first}\n{second}\n{{\"more\":1}}\n"), Some("b"), Some("low"));
        check(&format!("{second}\n{first}\n"), Some("a"), None);
        let mode = r#","collaboration_mode":{"mode":"default","settings":{"reasoning_effort":"high"}}"#;
        check(&context("a", mode), Some("a"), Some("high"));
    }

    #[test]
    fn a_damaged_line_is_passed_over() {
        let first = context("a", "");
        check(&format!("{first}\n{}\n", &context("b", "")[..80]), Some("a"), None);
        // A text that quotes such a line is none.
        let quoted = serde_json::to_string(&context("b", "")).unwrap();
        check(&format!("{first}\n{{\"type\":\"event_msg\",\"payload\":{quoted}}}\n"), Some("a"), None);
    }

    #[test]
    fn a_long_turn_is_looked_behind() {
        let filler = format!("{{\"text\":\"{}\"}}\n", "x".repeat(1000));
        let first = context("a", "");
        for lines in [15, 17, 130, 600] {
            check(&format!("{first}\n{}", filler.repeat(lines)), Some("a"), None);
        }
        let too_long = usize::try_from(LAST_LOOK).unwrap() / filler.len() + 1;
        check(&format!("{first}\n{}", filler.repeat(too_long)), None, None);
    }
}
