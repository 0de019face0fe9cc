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

    fn rollout(&self, id: &str, stamp: &Stamp) -> anyhow::Result<BufWriter<fs::File>> {
        let Stamp { month, day, hour, minute } = stamp;
        let folder = self.path().join(format!("sessions/2026/{month:02}/{day:02}"));
        fs::create_dir_all(&folder)?;
        let name = format!("rollout-2026-{month:02}-{day:02}T{hour:02}-{minute:02}-00-{id}.jsonl");
        Ok(BufWriter::new(fs::File::create(folder.join(name))?))
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
    /// The `index`th step of ten minutes.
    fn nth(index: usize) -> Self {
        let (hours, days) = (index / 6, index / 144);
        Self { month: days / 28 + 1, day: days % 28 + 1, hour: hours % 24, minute: index % 6 * 10 }
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
