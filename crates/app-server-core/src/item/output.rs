//! The output of a command as older files have it: the text the model read, with lines of the writer in front (tools
//! specification 3). Must not know records.

use app_server_protocol::v2::CommandExecutionStatus;
use serde::Deserialize;

/// What such a text says of the command.
#[derive(Debug, PartialEq)]
pub(super) struct CommandOutput {
    pub(super) status: CommandExecutionStatus,
    pub(super) exit_code: Option<i32>,
    pub(super) duration_ms: Option<i64>,
    /// `None` when there was none.
    pub(super) text: Option<String>,
}

impl CommandOutput {
    /// Takes the text apart. One that nobody's lines precede is all output.
    pub(super) fn read(text: String) -> Self {
        if let Some(output) = structured(&text) {
            return output;
        }
        let begins = ["Exit code: ", "Chunk ID: ", "Wall time: "].iter().any(|start| text.starts_with(start));
        let (head, output) = match text.split_once("\nOutput:\n").filter(|_| begins) {
            Some((head, output)) => (head, output),
            None if begins && text.ends_with("aborted by user") => (text.as_str(), ""),
            None if text.contains("rejected by user") => {
                return Self {
                    status: CommandExecutionStatus::Declined,
                    text: None,
                    exit_code: None,
                    duration_ms: None,
                };
            }
            None => return Self::of(None, None, text),
        };
        let value = |starts: &[&str]| {
            head.lines().find_map(|line| starts.iter().find_map(|start| line.strip_prefix(start)))
        };
        let exit_code =
            value(&["Exit code: ", "Process exited with code "]).and_then(|code| code.parse().ok());
        let seconds = value(&["Wall time: "]).and_then(|time| time.strip_suffix(" seconds")?.parse().ok());
        let is_aborted = head.ends_with("aborted by user");
        let mut read = Self::of(exit_code, seconds, output.to_owned());
        if is_aborted {
            read.status = CommandExecutionStatus::Failed;
        }
        read
    }

    fn of(exit_code: Option<i32>, seconds: Option<f64>, text: String) -> Self {
        let status = match exit_code {
            Some(0) | None => CommandExecutionStatus::Completed,
            Some(_) => CommandExecutionStatus::Failed,
        };
        #[allow(
            clippy::cast_possible_truncation,
            reason = "a time that does not fit is cut to the largest that does"
        )]
        let duration_ms = seconds.map(|seconds| (seconds * 1000.0).round() as i64);
        Self { status, exit_code, duration_ms, text: (!text.is_empty()).then_some(text) }
    }
}

/// The form of the January shell tool: an object in a string.
fn structured(text: &str) -> Option<CommandOutput> {
    #[derive(Deserialize)]
    struct Structured {
        output: String,
        metadata: Metadata,
    }
    #[derive(Deserialize)]
    struct Metadata {
        exit_code: i32,
        duration_seconds: f64,
    }
    if !text.starts_with('{') {
        return None;
    }
    let Structured { output, metadata } = serde_json::from_str(text).ok()?;
    Some(CommandOutput::of(Some(metadata.exit_code), Some(metadata.duration_seconds), output))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn the_lines_in_front_of_an_output_are_taken_off() {
        let texts = [
            "Exit code: 3\nWall time: 0.1 seconds\nTotal output lines: 900\nOutput:\nout\nerr\n",
            "Chunk ID: b1ec5e\nWall time: 0.0449 seconds\nProcess exited with code 0\nOriginal token count: 2\nOutput:\nOutput:\nx",
            "Chunk ID: 96d48c\nWall time: 0.2510 seconds\nProcess running with session ID 80298\nOutput:\nstart\n",
            "Wall time: 0.8 seconds\naborted by user",
            r#"{"output":"a\n","metadata":{"exit_code":1,"duration_seconds":1.5}}"#,
            r#"{"output":"a\n"}"#,
            "exec command rejected by user",
            "total 0\nOutput:\n",
            "",
        ];
        let read: Vec<String> =
            texts.iter().map(|text| format!("{:?}\n", CommandOutput::read((*text).to_owned()))).collect();
        expect![[r#"
            CommandOutput { status: Failed, exit_code: Some(3), duration_ms: Some(100), text: Some("out\nerr\n") }
            CommandOutput { status: Completed, exit_code: Some(0), duration_ms: Some(45), text: Some("Output:\nx") }
            CommandOutput { status: Completed, exit_code: None, duration_ms: Some(251), text: Some("start\n") }
            CommandOutput { status: Failed, exit_code: None, duration_ms: Some(800), text: None }
            CommandOutput { status: Failed, exit_code: Some(1), duration_ms: Some(1500), text: Some("a\n") }
            CommandOutput { status: Completed, exit_code: None, duration_ms: None, text: Some("{\"output\":\"a\\n\"}") }
            CommandOutput { status: Declined, exit_code: None, duration_ms: None, text: None }
            CommandOutput { status: Completed, exit_code: None, duration_ms: None, text: Some("total 0\nOutput:\n") }
            CommandOutput { status: Completed, exit_code: None, duration_ms: None, text: None }
        "#]]
        .assert_eq(&read.concat());
    }
}
