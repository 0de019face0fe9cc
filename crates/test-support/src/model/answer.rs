//! One scripted answer, and how it is played onto a connection.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::sleep;

use super::chat::Chunks;
use super::events;

/// Bytes are collected up to this size before they are written, unless something must be seen earlier.
const WRITE_BATCH_BYTES: usize = 64 * 1024;

/// What the server does with one request.
#[derive(Debug, Clone)]
pub struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    content: Content,
    /// The pause after each event.
    delay: Duration,
    end: End,
}

#[derive(Debug, Clone)]
enum Content {
    /// An event stream, sent in chunks.
    Stream(Vec<Step>),
    /// A body of known length.
    Whole { content_type: &'static str, bytes: Vec<u8> },
    /// Not even a status: the request is read and that is all.
    Nothing,
}

#[derive(Debug, Clone)]
enum Step {
    Event(Value),
    Send(Vec<u8>),
    Wait(Gate),
}

#[derive(Debug, Clone, Copy)]
enum End {
    /// As HTTP ends a body.
    Complete,
    /// The connection closes before the body's end.
    Cut,
    /// Silence until the client hangs up.
    Hang,
    /// Silence, then as HTTP ends a body.
    HangFor(Duration),
}

/// The form of an event stream: what the path of the request asks for.
enum Form {
    Responses,
    Chat(Chunks),
}

impl Form {
    fn bytes(&mut self, event: &Value) -> Vec<u8> {
        match self {
            Self::Responses => events::block(event),
            Self::Chat(chunks) => chunks.blocks(event),
        }
    }
}

/// What became of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Played {
    KeepAlive,
    Close,
    /// The client hung up while the server was waiting.
    ClientLeft,
}

/// A point in an answer where the server waits for the test. Clones are the same gate.
#[derive(Debug, Clone)]
pub struct Gate {
    open: Arc<watch::Sender<bool>>,
    reached: Arc<watch::Sender<bool>>,
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

impl Gate {
    /// Returns a closed gate.
    pub fn new() -> Self {
        Self { open: Arc::new(watch::Sender::new(false)), reached: Arc::new(watch::Sender::new(false)) }
    }

    /// Lets the server go on, now or as soon as it gets here.
    pub fn open(&self) {
        self.open.send_replace(true);
    }

    /// Waits until the server stands here: all that comes before has been written.
    pub async fn reached(&self) {
        // An error would mean that the sender is gone, and we hold it.
        let _ = self.reached.subscribe().wait_for(|reached| *reached).await;
    }

    /// Waits here until the test opens.
    pub(crate) async fn pass(&self) {
        self.reached.send_replace(true);
        let _ = self.open.subscribe().wait_for(|open| *open).await;
    }
}

/// Returns usage numbers in the API's shape.
pub fn usage(input_tokens: u64, output_tokens: u64) -> Value {
    json!({
        "input_tokens": input_tokens,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": input_tokens + output_tokens,
    })
}

impl Answer {
    fn new(status: u16, content: Content) -> Self {
        Self { status, headers: Vec::new(), content, delay: Duration::ZERO, end: End::Complete }
    }

    /// An event stream with exactly these events. A string is sent as it is, anything else as the data of a block.
    pub fn events(events: impl IntoIterator<Item = Value>) -> Self {
        Self::new(200, Content::Stream(Vec::new())).and(events)
    }

    /// A whole response: created, the given items' events, completed with some usage.
    pub fn response(items: impl IntoIterator<Item = Vec<Value>>) -> Self {
        Self::events([events::created("resp_1")])
            .and(items.into_iter().flatten())
            .and([events::completed("resp_1", &usage(10, 5))])
    }

    /// A whole response with one message, `msg_1`.
    pub fn message(text: &str) -> Self {
        Self::response([events::message("msg_1", text)])
    }

    /// An event stream of these very bytes.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self::new(200, Content::Stream(vec![Step::Send(bytes.into())]))
    }

    /// A JSON body.
    pub fn json(status: u16, body: &Value) -> Self {
        let bytes = body.to_string().into_bytes();
        Self::new(status, Content::Whole { content_type: "application/json", bytes })
    }

    /// A text body.
    pub fn text(status: u16, body: &str) -> Self {
        Self::new(status, Content::Whole { content_type: "text/plain", bytes: body.as_bytes().to_vec() })
    }

    /// Reads the request and never answers.
    pub fn stall() -> Self {
        Self { end: End::Hang, ..Self::new(0, Content::Nothing) }
    }

    /// Reads the request and closes the connection without an answer.
    pub fn hang_up() -> Self {
        Self { end: End::Cut, ..Self::new(0, Content::Nothing) }
    }

    /// Makes an answer of the `msg` of a recorded `model->server` line, or of the whole line: `status`, one of
    /// `events`, `json`, `text`, and `headers`, `delay`, `hang` (seconds).
    ///
    /// # Errors
    /// What cannot be played, in words.
    pub fn from_transcript(line: &Value) -> anyhow::Result<Self> {
        let msg = if line.get("dir").is_some() { &line["msg"] } else { line };
        let status = match &msg["status"] {
            Value::Null => 200,
            status => status.as_u64().and_then(|n| u16::try_from(n).ok()).context("`status` is no status")?,
        };
        let mut answer = match (&msg["events"], &msg["json"], &msg["text"]) {
            (Value::Array(events), ..) => Self { status, ..Self::events(events.iter().cloned()) },
            (_, Value::Null, Value::String(text)) => Self::text(status, text),
            (_, Value::Null, _) => bail!("neither `events` nor `json` nor `text` in {msg}"),
            (_, json, _) => Self::json(status, json),
        };
        for (name, value) in msg["headers"].as_object().into_iter().flatten() {
            answer = answer.header(name, value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        }
        if let Some(delay) = msg["delay"].as_f64() {
            answer = answer.delay(Duration::try_from_secs_f64(delay)?);
        }
        if let Some(hang) = msg["hang"].as_f64() {
            answer.end = End::HangFor(Duration::try_from_secs_f64(hang)?);
        }
        Ok(answer)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Sets the status of an event stream.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Pauses after each event, for demonstrations; a test uses a gate.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Adds events at the end of an event stream.
    #[must_use]
    pub fn and(mut self, events: impl IntoIterator<Item = Value>) -> Self {
        if let Content::Stream(steps) = &mut self.content {
            steps.extend(events.into_iter().map(Step::Event));
        }
        self
    }

    /// Waits here for the gate; events added later come after it.
    #[must_use]
    pub fn gate(mut self, gate: &Gate) -> Self {
        if let Content::Stream(steps) = &mut self.content {
            steps.push(Step::Wait(gate.clone()));
        }
        self
    }

    /// Closes the connection in the middle of the body instead of ending it.
    #[must_use]
    pub fn cut(mut self) -> Self {
        self.end = End::Cut;
        self
    }

    /// Stays silent after the last event, until the client hangs up.
    #[must_use]
    pub fn hang(mut self) -> Self {
        self.end = End::Hang;
        self
    }

    /// Plays the answer to a request of this path: its events in the form that the path stands for.
    pub(super) async fn play(
        self,
        path: &str,
        reader: &mut (impl AsyncBufRead + Unpin),
        writer: &mut (impl AsyncWrite + Unpin),
    ) -> tokio::io::Result<Played> {
        let mut out = self.head();
        let mut form = match path.split('?').next() {
            Some(path) if path.ends_with("/chat/completions") => Form::Chat(Chunks::default()),
            _ => Form::Responses,
        };
        match self.content {
            Content::Nothing => {}
            Content::Whole { bytes, .. } => {
                let sent = if matches!(self.end, End::Cut) { &bytes[..bytes.len() / 2] } else { &bytes };
                out.extend_from_slice(sent);
                writer.write_all(&out).await?;
            }
            Content::Stream(steps) => {
                for step in steps {
                    let bytes = match step {
                        Step::Event(event) => form.bytes(&event),
                        Step::Send(bytes) => bytes,
                        Step::Wait(gate) => {
                            flush(&mut out, writer).await?;
                            tokio::select! {
                                () = gate.pass() => continue,
                                () = client_leaves(reader) => return Ok(Played::ClientLeft),
                            }
                        }
                    };
                    push_chunk(&mut out, &bytes);
                    if !self.delay.is_zero() {
                        flush(&mut out, writer).await?;
                        sleep(self.delay).await;
                    } else if out.len() >= WRITE_BATCH_BYTES {
                        flush(&mut out, writer).await?;
                    }
                }
                if matches!(self.end, End::Complete) {
                    out.extend_from_slice(LAST_CHUNK);
                }
                flush(&mut out, writer).await?;
            }
        }
        match self.end {
            End::Complete => Ok(Played::KeepAlive),
            End::Cut => Ok(Played::Close),
            End::Hang => {
                client_leaves(reader).await;
                Ok(Played::ClientLeft)
            }
            End::HangFor(time) => {
                tokio::select! {
                    () = sleep(time) => {}
                    () = client_leaves(reader) => return Ok(Played::ClientLeft),
                }
                writer.write_all(LAST_CHUNK).await?;
                Ok(Played::KeepAlive)
            }
        }
    }

    fn head(&self) -> Vec<u8> {
        let (content_type, length) = match &self.content {
            Content::Nothing => return Vec::new(),
            Content::Stream(_) => ("text/event-stream", "transfer-encoding: chunked".to_owned()),
            Content::Whole { content_type, bytes } => {
                (*content_type, format!("content-length: {}", bytes.len()))
            }
        };
        let mut head =
            format!("HTTP/1.1 {} Scripted\r\ncontent-type: {content_type}\r\n{length}\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        head.into_bytes()
    }
}

const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

fn push_chunk(out: &mut Vec<u8>, bytes: &[u8]) {
    // An empty chunk would be the last one.
    if !bytes.is_empty() {
        out.extend_from_slice(format!("{:x}\r\n", bytes.len()).as_bytes());
        out.extend_from_slice(bytes);
        out.extend_from_slice(b"\r\n");
    }
}

async fn flush(out: &mut Vec<u8>, writer: &mut (impl AsyncWrite + Unpin)) -> tokio::io::Result<()> {
    writer.write_all(out).await?;
    out.clear();
    writer.flush().await
}

/// Waits for the client to hang up. A client that sends its next request early is not leaving.
async fn client_leaves(reader: &mut (impl AsyncBufRead + Unpin)) {
    if let Ok(bytes) = reader.fill_buf().await
        && !bytes.is_empty()
    {
        std::future::pending::<()>().await;
    }
}
