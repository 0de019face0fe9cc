//! One running server and its pipes: plain threads, one line at a time.
//!
//! Knows the envelope and the handful of methods the cases use, as little of them as needed.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::homes::Home;
use super::subject::Subject;

/// How long to wait for a line before the server counts as stuck.
const LINE_TIMEOUT: Duration = Duration::from_secs(120);

/// How long a server may take to exit after its stdin was closed before it is killed.
const EXIT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an item that is due may follow the end of its turn.
const LATE_ITEM_TIMEOUT: Duration = Duration::from_secs(10);

/// Lines read ahead of the case. More than any case leaves unread for long; when it is full the reader stops and
/// the server's stdout fills up, as with any slow client.
const READ_AHEAD_LINES: usize = 1 << 16;

/// Variables that would change what a server does from one machine to the next.
const FOREIGN_VARIABLES: &[&str] = &["OPENAI_API_KEY", "CODEX_API_KEY", "RUST_LOG", "LOG_FORMAT"];

const DELTA_METHOD: &str = "item/agentMessage/delta";
const DELTA_START: &str = r#"{"method":"item/agentMessage/delta""#;
const OUTPUT_METHOD: &str = "item/commandExecution/outputDelta";
const OUTPUT_START: &str = r#"{"method":"item/commandExecution/outputDelta""#;

/// A line from the server, as far as any case looks at it.
#[derive(Deserialize)]
pub(super) struct Message<'a> {
    pub(super) id: Option<i64>,
    pub(super) method: Option<&'a str>,
    #[serde(borrow)]
    pub(super) params: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) result: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
}

impl<'a> Message<'a> {
    /// Reads the envelope of a line and leaves its contents unread.
    pub(super) fn parse(line: &'a str) -> anyhow::Result<Self> {
        serde_json::from_str(line).with_context(|| format!("not a message: {}", start_of(line)))
    }
}

/// An `item/completed`, as far as a case about commands and patches looks at it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EndedItem {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) status: Option<String>,
    /// Of a command.
    pub(super) exit_code: Option<i64>,
}

/// Holds back whoever reads a server's stdout. Clones are the same valve.
#[derive(Clone, Default)]
pub(super) struct Valve(Arc<(Mutex<bool>, Condvar)>);

impl Valve {
    /// Nothing more is read, but for what is being read already.
    pub(super) fn close(&self) {
        self.set(true);
    }

    /// Everything is read as it comes.
    pub(super) fn open(&self) {
        self.set(false);
    }

    fn set(&self, closed: bool) {
        let (state, changed) = &*self.0;
        *state.lock().unwrap_or_else(PoisonError::into_inner) = closed;
        changed.notify_all();
    }

    fn pass(&self) {
        let (state, changed) = &*self.0;
        let state = state.lock().unwrap_or_else(PoisonError::into_inner);
        drop(changed.wait_while(state, |closed| *closed).unwrap_or_else(PoisonError::into_inner));
    }
}

/// A server process that is killed when it goes out of scope.
pub(super) struct Server {
    child: Child,
    /// None once closed.
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    valve: Valve,
    next_id: i64,
    stderr: PathBuf,
}

impl Server {
    /// Starts the subject with this home and its work folder; nothing has been sent yet.
    pub(super) fn spawn(subject: &Subject, home: &Home) -> anyhow::Result<Self> {
        let stderr = home.stderr();
        let mut child = in_home(subject.command(), home)
            .env("NO_PROXY", "127.0.0.1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&stderr).context("cannot create the file for stderr")?)
            .spawn()
            .with_context(|| format!("cannot start {subject}"))?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().context("the child has no stdout")?;
        let (sender, lines) = sync_channel(READ_AHEAD_LINES);
        let valve = Valve::default();
        let held_by = valve.clone();
        thread::spawn(move || pass_lines(stdout, &sender, &held_by));
        Ok(Self { child, stdin, lines, valve, next_id: 0, stderr })
    }

    /// Starts the subject and greets it.
    pub(super) fn start(subject: &Subject, home: &Home) -> anyhow::Result<Self> {
        let mut server = Self::spawn(subject, home)?;
        server.initialize()?;
        Ok(server)
    }

    /// `initialize`, its answer, `initialized`.
    pub(super) fn initialize(&mut self) -> anyhow::Result<()> {
        let client = json!({"name": "bench", "title": "Bench", "version": "0.1.0"});
        self.call("initialize", &json!({"clientInfo": client, "capabilities": {"experimentalApi": true}}))?;
        self.write(b"{\"method\":\"initialized\"}\n")
    }

    /// Process id, for `/proc`.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// For keeping this client from reading.
    pub(super) fn valve(&self) -> Valve {
        self.valve.clone()
    }

    /// Sends a request and returns its id without waiting for the answer.
    pub(super) fn send(&mut self, method: &str, params: &Value) -> anyhow::Result<i64> {
        let (id, line) = self.request_line(method, params);
        self.write(line.as_bytes())?;
        Ok(id)
    }

    /// A request as a line, for sending several in one write.
    pub(super) fn request_line(&mut self, method: &str, params: &Value) -> (i64, String) {
        let id = self.next_id;
        self.next_id += 1;
        (id, format!("{}\n", json!({"method": method, "id": id, "params": params})))
    }

    /// Writes whole lines.
    pub(super) fn write(&mut self, lines: &[u8]) -> anyhow::Result<()> {
        let stdin = self.stdin.as_mut().context("stdin is closed")?;
        stdin.write_all(lines).and_then(|()| stdin.flush()).with_context(|| self.why_ended())
    }

    /// The next line; an end of the stream or silence is an error.
    pub(super) fn next_line(&mut self) -> anyhow::Result<String> {
        match self.next_line_within(LINE_TIMEOUT)? {
            Some(line) => Ok(line),
            None => bail!("no line for {} s; {}", LINE_TIMEOUT.as_secs(), self.why_ended()),
        }
    }

    /// The next line, or None when none comes in time.
    pub(super) fn next_line_within(&mut self, timeout: Duration) -> anyhow::Result<Option<String>> {
        match self.lines.recv_timeout(timeout) {
            Ok(line) => Ok(Some(line)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => bail!("stdout ended; {}", self.why_ended()),
        }
    }

    /// Sends a request and returns the line that answers it; lines in between are dropped.
    pub(super) fn call_line(&mut self, method: &str, params: &Value) -> anyhow::Result<String> {
        let id = self.send(method, params)?;
        loop {
            let line = self.next_line()?;
            let message = Message::parse(&line)?;
            if message.id == Some(id) && message.method.is_none() {
                ensure!(message.error.is_none(), "{method} was refused: {}", start_of(&line));
                return Ok(line);
            }
        }
    }

    /// Sends a request and returns its result; lines in between are dropped.
    pub(super) fn call(&mut self, method: &str, params: &Value) -> anyhow::Result<Value> {
        let line = self.call_line(method, params)?;
        let result = Message::parse(&line)?.result.with_context(|| format!("{method} has no result"))?;
        Ok(serde_json::from_str(result.get())?)
    }

    /// Starts a thread in the work folder and returns its id.
    pub(super) fn start_thread(&mut self, work: &Path) -> anyhow::Result<String> {
        self.start_thread_with(&json!({"cwd": work}))
    }

    /// Starts a thread that gives its model a terminal for commands, whatever the model, in this sandbox mode.
    pub(super) fn start_acting_thread(&mut self, work: &Path, sandbox: &str) -> anyhow::Result<String> {
        let config = json!({"features.unified_exec": true});
        self.start_thread_with(&json!({"cwd": work, "sandbox": sandbox, "config": config}))
    }

    fn start_thread_with(&mut self, params: &Value) -> anyhow::Result<String> {
        let result = self.call("thread/start", params)?;
        let id = result["thread"]["id"].as_str().context("thread/start gave no thread id")?;
        Ok(id.to_owned())
    }

    /// Runs a text turn to its end; returns how many deltas of the answer were seen.
    pub(super) fn run_turn(&mut self, thread_id: &str, text: &str) -> anyhow::Result<usize> {
        self.send("turn/start", &turn_params(thread_id, text))?;
        let mut deltas = 0;
        loop {
            let line = self.next_line()?;
            // By far the most lines, told by their start: parsing them would take CPU from the server.
            if line.starts_with(DELTA_START) {
                deltas += 1;
                continue;
            }
            let message = Message::parse(&line)?;
            match message.method {
                Some(DELTA_METHOD) => deltas += 1,
                Some("turn/completed") => {
                    completed_thread(&message)?;
                    return Ok(deltas);
                }
                _ => ensure!(message.error.is_none(), "a turn was refused: {}", start_of(&line)),
            }
        }
    }

    /// Runs a turn to its end, and until `count` items of this kind have ended or the server has been silent for a while
    /// after the turn. Returns the items; lines with output of commands go to `output` unread.
    pub(super) fn run_acting_turn(
        &mut self,
        thread_id: &str,
        (kind, count): (&str, usize),
        mut output: impl FnMut(String) -> anyhow::Result<()>,
    ) -> anyhow::Result<Vec<EndedItem>> {
        self.send("turn/start", &turn_params(thread_id, "go"))?;
        let mut items = Vec::new();
        let mut completed = false;
        while !completed || items.len() < count {
            let line = match completed {
                false => self.next_line()?,
                true => match self.next_line_within(LATE_ITEM_TIMEOUT)? {
                    Some(line) => line,
                    None => break,
                },
            };
            if line.starts_with(OUTPUT_START) {
                output(line)?;
                continue;
            }
            let message = Message::parse(&line)?;
            match message.method {
                Some(OUTPUT_METHOD) => output(line)?,
                Some("item/completed") => {
                    items.extend(Some(ended_item(&message)?).filter(|item| item.kind == kind))
                }
                Some("turn/completed") => {
                    completed_thread(&message)?;
                    completed = true;
                }
                _ => ensure!(message.error.is_none(), "a turn was refused: {}", start_of(&line)),
            }
        }
        Ok(items)
    }

    /// Closes stdin and waits for the exit; a server that stays is killed, which is no error here.
    pub(super) fn finish(mut self) -> anyhow::Result<()> {
        drop(self.stdin.take());
        let deadline = Instant::now() + EXIT_TIMEOUT;
        while Instant::now() < deadline {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    fn why_ended(&self) -> String {
        let stderr = std::fs::read_to_string(&self.stderr).unwrap_or_default();
        let tail: Vec<_> = stderr.lines().rev().take(3).collect();
        format!("the last lines of its stderr: {:?}", tail.into_iter().rev().collect::<Vec<_>>())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already gone is fine, and there is nobody left to tell anything else.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The command, run in the home's work folder, with the home for everything of the user's and without what would change
/// its behaviour from one machine to the next.
pub(super) fn in_home(mut command: Command, home: &Home) -> Command {
    for name in FOREIGN_VARIABLES {
        command.env_remove(name);
    }
    command.current_dir(home.work()).env("CODEX_HOME", home.path()).env("HOME", home.path());
    command
}

/// Params of `turn/start` with one text.
pub(super) fn turn_params(thread_id: &str, text: &str) -> Value {
    json!({"threadId": thread_id, "input": [{"type": "text", "text": text, "text_elements": []}]})
}

/// Thread id of a `turn/completed`, which must say that all went well.
pub(super) fn completed_thread(message: &Message<'_>) -> anyhow::Result<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Completed {
        thread_id: String,
        turn: Turn,
    }
    #[derive(Deserialize)]
    struct Turn {
        status: String,
        error: Option<Value>,
    }
    let params = message.params.context("turn/completed without params")?;
    let completed: Completed = serde_json::from_str(params.get())?;
    let turn = completed.turn;
    ensure!(turn.status == "completed", "a turn ended as {}: {:?}", turn.status, turn.error);
    Ok(completed.thread_id)
}

/// What a line of command output says: the text itself.
pub(super) fn output_text(line: &str) -> anyhow::Result<String> {
    #[derive(Deserialize)]
    struct Output {
        delta: String,
    }
    let params = Message::parse(line)?.params.context("output without params")?;
    Ok(serde_json::from_str::<Output>(params.get())?.delta)
}

fn ended_item(message: &Message<'_>) -> anyhow::Result<EndedItem> {
    #[derive(Deserialize)]
    struct Ended {
        item: EndedItem,
    }
    let params = message.params.context("item/completed without params")?;
    Ok(serde_json::from_str::<Ended>(params.get())?.item)
}

fn pass_lines(stdout: impl std::io::Read, sender: &SyncSender<String>, valve: &Valve) {
    let mut stdout = BufReader::with_capacity(1 << 16, stdout);
    loop {
        valve.pass();
        let mut line = String::new();
        // An error is the end as well: the case notices that the channel has no sender any more.
        if !matches!(stdout.read_line(&mut line), Ok(1..)) || sender.send(line).is_err() {
            return;
        }
    }
}

fn start_of(line: &str) -> String {
    line.chars().take(300).collect()
}
