//! Homes for the servers: configuration and generated rollouts. The same content on every run and for every subject.
//!
//! They live under `target`, because some servers refuse to work from a home in a temporary folder.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::subject::workspace;

/// Working directory named in generated rollouts; listing and resuming do not need it to exist.
const ROLLOUT_CWD: &str = "/project";

/// Keeps a server from asking the product's backend for its models: the retries of one that is out of reach take
/// seconds and say nothing about the server.
const MODELS_CACHE: &str = r#"{"fetched_at":"2099-01-01T00:00:00Z","etag":null,"models":[]}"#;

/// A fresh `CODEX_HOME` and a fresh work folder, removed when this goes out of scope.
pub(super) struct Home {
    folder: TempDir,
    /// Elsewhere: inside the checkout it would belong to a repository with instructions of its own.
    work: TempDir,
}

impl Home {
    /// An empty home whose config file names the model server at `base_url`.
    pub(super) fn new(base_url: &str) -> anyhow::Result<Self> {
        let parent = workspace().join("target/bench-homes");
        fs::create_dir_all(&parent).with_context(|| format!("cannot create {}", parent.display()))?;
        let folder = tempfile::Builder::new().prefix("run-").tempdir_in(parent.canonicalize()?)?;
        let home = Self { folder, work: tempfile::tempdir()? };
        fs::create_dir(home.path())?;
        fs::write(home.path().join("config.toml"), config(base_url))?;
        fs::write(home.path().join("models_cache.json"), MODELS_CACHE)?;
        Ok(home)
    }

    /// For `CODEX_HOME`.
    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// The project folder: empty, not under version control.
    pub(super) fn work(&self) -> &Path {
        self.work.path()
    }

    /// Where the server's stderr goes.
    pub(super) fn stderr(&self) -> PathBuf {
        self.folder.path().join("stderr.txt")
    }

    /// Writes `count` short threads, a few kilobytes each, one per ten minutes from the start of 2026.
    pub(super) fn add_threads(&self, count: usize) -> anyhow::Result<()> {
        let answer = "The quick brown fox jumps over the lazy dog. ".repeat(40);
        for index in 0..count {
            let id = thread_id(index);
            let stamp = Stamp::nth(index);
            let mut file = self.rollout(&id, &stamp)?;
            write_meta(&mut file, &id, &stamp)?;
            write_turn(&mut file, &stamp, &format!("Question number {index}"), &answer)?;
            file.flush()?;
        }
        Ok(())
    }

    /// Writes one thread with `turns` turns and returns its id.
    pub(super) fn add_long_thread(&self, turns: usize) -> anyhow::Result<String> {
        let (id, stamp) = (thread_id(0), Stamp::nth(0));
        let mut file = self.rollout(&id, &stamp)?;
        write_meta(&mut file, &id, &stamp)?;
        for turn in 0..turns {
            let answer = format!("Answer number {turn}. {}", "Some more words to fill the line. ".repeat(6));
            write_turn(&mut file, &stamp, &format!("Question number {turn}"), &answer)?;
        }
        file.flush()?;
        Ok(id)
    }

    /// Writes one thread of about so many bytes, as this server records them, and returns its id: turns with commands
    /// that say much, a picture in every tenth, a compaction after every twentieth. What the model sees at its end is
    /// the same for any length.
    pub(super) fn add_large_thread(&self, bytes: u64) -> anyhow::Result<String> {
        let (id, stamp) = (thread_id(0), Stamp::nth(0));
        let mut file = Counted { file: self.rollout(&id, &stamp)?, bytes: 0 };
        write_meta(&mut file, &id, &stamp)?;
        let (mut turn, lines) = (0, LargeLines::new(&stamp));
        while file.bytes < bytes || turn % TURNS_OF_A_COMPACTION != TURNS_OF_A_COMPACTION / 2 {
            lines.write_turn(&mut file, &stamp, &id, turn)?;
            turn += 1;
            if turn % TURNS_OF_A_COMPACTION == 0 {
                lines.write_compaction(&mut file, &stamp, turn)?;
            }
        }
        file.flush()?;
        Ok(id)
    }

    fn rollout(&self, id: &str, stamp: &Stamp) -> anyhow::Result<BufWriter<fs::File>> {
        let Stamp { month, day, hour, minute } = stamp;
        let folder = self.path().join(format!("sessions/2026/{month:02}/{day:02}"));
        fs::create_dir_all(&folder)?;
        let name = format!("rollout-2026-{month:02}-{day:02}T{hour:02}-{minute:02}-00-{id}.jsonl");
        Ok(BufWriter::new(fs::File::create(folder.join(name))?))
    }
}

/// Turns of a large thread after which it is compacted, and commands of each.
const TURNS_OF_A_COMPACTION: usize = 20;
const COMMANDS_OF_A_TURN: usize = 10;

/// A file and how much was written to it.
struct Counted<W> {
    file: W,
    bytes: u64,
}

impl<W: std::io::Write> std::io::Write for Counted<W> {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(buf)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// Lines that are the same in every turn of a large thread but for ids. They are made once: this program is not built
/// for speed.
struct LargeLines {
    /// A call, its output and its item; `CALL` and `TURN` stand for their ids.
    command: String,
    /// A data URL of a megabyte.
    picture: String,
}

impl LargeLines {
    fn new(stamp: &Stamp) -> Self {
        let output = "src/main.rs:17: a \"line\" of output as a search prints it\n".repeat(400);
        let line = |kind: &str, payload: Value| {
            format!("{}\n", json!({"timestamp": stamp.rfc3339(), "type": kind, "payload": payload}))
        };
        let arguments = json!({"command": "rg -n line"}).to_string();
        let item = json!({
            "type": "CommandExecution", "id": "CALL", "command": ["rg", "-n", "line"], "cwd": "file:///project",
            "parsed_cmd": [], "source": "agent", "status": "completed", "aggregated_output": output, "exit_code": 0,
        });
        let call = json!({
            "type": "function_call", "name": "shell_command", "arguments": arguments, "call_id": "CALL"
        });
        let command = line("response_item", call)
            + &line(
                "response_item",
                json!({"type": "function_call_output", "call_id": "CALL", "output": output}),
            )
            + &line(
                "event_msg",
                json!({"type": "item_completed", "thread_id": "", "turn_id": "TURN", "item": item}),
            );
        Self { command, picture: format!("data:image/png;base64,{}", "iVBORw0K".repeat(1 << 17)) }
    }

    fn write_turn(
        &self,
        file: &mut impl std::io::Write,
        stamp: &Stamp,
        thread: &str,
        turn: usize,
    ) -> anyhow::Result<()> {
        let id = thread_id(turn + 1);
        let (question, answer) = (format!("Question number {turn}"), format!("Answer number {turn}."));
        let picture = (turn % 10 == 9).then_some(self.picture.as_str());
        let mut seen = vec![json!({"type": "input_text", "text": question})];
        seen.extend(picture.map(|url| json!({"type": "input_image", "image_url": url})));
        let mut shown = vec![json!({"type": "text", "text": question, "text_elements": []})];
        shown.extend(picture.map(|url| json!({"type": "image", "image_url": url})));
        let images: Vec<&str> = picture.into_iter().collect();
        let mut event = |kind: &str, payload: Value| write_line(file, stamp, kind, &payload);
        event("event_msg", json!({"type": "task_started", "turn_id": id, "started_at": 1_772_355_600}))?;
        event(
            "turn_context",
            json!({"cwd": ROLLOUT_CWD, "approval_policy": "never", "model": "mock-model"}),
        )?;
        event("response_item", json!({"type": "message", "role": "user", "content": seen}))?;
        event(
            "event_msg",
            json!({"type": "user_message", "message": question, "images": images, "local_images": [], "text_elements": []}),
        )?;
        let item = json!({"type": "UserMessage", "id": format!("u-{turn}"), "content": shown});
        event(
            "event_msg",
            json!({"type": "item_completed", "thread_id": thread, "turn_id": id, "item": item}),
        )?;
        for call in 0..COMMANDS_OF_A_TURN {
            let lines = self.command.replace("CALL", &format!("call_{turn}_{call}")).replace("TURN", &id);
            file.write_all(lines.as_bytes())?;
        }
        let mut event = |kind: &str, payload: Value| write_line(file, stamp, kind, &payload);
        let content = json!([{"type": "output_text", "text": answer}]);
        event("response_item", json!({"type": "message", "role": "assistant", "content": content}))?;
        event("event_msg", json!({"type": "agent_message", "message": answer}))?;
        let item = json!({"type": "AgentMessage", "id": format!("a-{turn}"), "content": [{"type": "Text", "text": answer}]});
        event(
            "event_msg",
            json!({"type": "item_completed", "thread_id": thread, "turn_id": id, "item": item}),
        )?;
        let counts = json!({"input_tokens": 9000, "output_tokens": 100, "total_tokens": 9100});
        let info = json!({"total_token_usage": counts, "last_token_usage": counts});
        event("event_msg", json!({"type": "token_count", "info": info}))?;
        event(
            "event_msg",
            json!({"type": "task_complete", "turn_id": id, "last_agent_message": answer, "completed_at": 1_772_355_700}),
        )
    }

    /// Of ten compactions one keeps a history of its own; of the others the user's words are left.
    fn write_compaction(
        &self,
        file: &mut impl std::io::Write,
        stamp: &Stamp,
        turn: usize,
    ) -> anyhow::Result<()> {
        let message = "What was done so far. ".repeat(200);
        let summary =
            json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": message}]});
        let payload = match (turn / TURNS_OF_A_COMPACTION) % 10 {
            0 => json!({"message": message, "replacement_history": [summary]}),
            _ => json!({"message": message}),
        };
        write_line(file, stamp, "compacted", &payload)
    }
}

/// A minute of 2026; months are cut to 28 days, which spares a calendar.
struct Stamp {
    month: usize,
    day: usize,
    hour: usize,
    minute: usize,
}

impl Stamp {
    /// The `index`th step of five minutes, for more than 90,000 of them within a year.
    fn nth(index: usize) -> Self {
        let (hours, days) = (index / 12, index / 288);
        Self { month: days / 28 + 1, day: days % 28 + 1, hour: hours % 24, minute: index % 12 * 5 }
    }

    fn rfc3339(&self) -> String {
        let Self { month, day, hour, minute } = self;
        format!("2026-{month:02}-{day:02}T{hour:02}:{minute:02}:00.000Z")
    }
}

fn thread_id(index: usize) -> String {
    // Shaped like a UUIDv7; its time is not that of the thread, which no reader minds.
    format!("019b76da-a800-7000-8000-{index:012x}")
}

fn write_meta(file: &mut impl std::io::Write, id: &str, stamp: &Stamp) -> anyhow::Result<()> {
    let payload = json!({
        "id": id,
        "timestamp": stamp.rfc3339(),
        "cwd": ROLLOUT_CWD,
        "originator": "bench",
        "cli_version": "0.94.0",
        "source": "vscode",
        "model_provider": "mock",
        "base_instructions": {"text": "Be brief and be right. ".repeat(60)},
    });
    write_line(file, stamp, "session_meta", &payload)
}

/// The lines of a legacy rollout for a turn of one question and one answer.
fn write_turn(
    file: &mut impl std::io::Write,
    stamp: &Stamp,
    question: &str,
    answer: &str,
) -> anyhow::Result<()> {
    let message = |role: &str, kind: &str, text: &str| json!({"type": "message", "role": role, "content": [{"type": kind, "text": text}]});
    let user_event = json!({
        "type": "user_message", "message": question, "images": [], "local_images": [], "text_elements": []
    });
    let context = json!({
        "cwd": ROLLOUT_CWD,
        "approval_policy": "never",
        "sandbox_policy": {"type": "danger-full-access"},
        "model": "mock-model",
        "summary": "auto",
    });
    write_line(file, stamp, "response_item", &message("user", "input_text", question))?;
    write_line(file, stamp, "event_msg", &user_event)?;
    write_line(file, stamp, "turn_context", &context)?;
    write_line(file, stamp, "event_msg", &json!({"type": "agent_message", "message": answer}))?;
    write_line(file, stamp, "response_item", &message("assistant", "output_text", answer))
}

fn write_line(
    file: &mut impl std::io::Write,
    stamp: &Stamp,
    kind: &str,
    payload: &Value,
) -> anyhow::Result<()> {
    let line = json!({"timestamp": stamp.rfc3339(), "type": kind, "payload": payload});
    Ok(writeln!(file, "{line}")?)
}

fn config(base_url: &str) -> String {
    let mut text = String::from(
        "model = \"mock-model\"\n\
         model_provider = \"mock\"\n\
         approval_policy = \"never\"\n\
         sandbox_mode = \"danger-full-access\"\n\
         check_for_update_on_startup = false\n",
    );
    // Whatever asks a product backend gets its refusal from the model server, at once and on this machine.
    let _ = writeln!(text, "chatgpt_base_url = \"{base_url}/backend-api\"");
    let _ = write!(
        text,
        "\n[analytics]\n\
         enabled = false\n\
         \n[model_providers.mock]\n\
         name = \"mock\"\n\
         base_url = \"{base_url}\"\n\
         wire_api = \"responses\"\n\
         request_max_retries = 0\n\
         stream_max_retries = 0\n\
         supports_websockets = false\n"
    );
    text
}
