//! The built-in offline provider: a scripted model behind the same path as HTTP. Its answers have a status, headers
//! and a body like any other, so refusals, broken streams and silences behave as over the network. No network, no
//! key, no file: a script comes as text.

mod builtin;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep_until};

use crate::transport::{RawResponse, Transport};

/// What the offline model answers. Clones share one script: its answers are played in order, one per request, by
/// whichever thread asks.
#[derive(Clone)]
pub struct OfflineScript {
    source: Arc<Source>,
}

enum Source {
    Scripted(Mutex<Remaining>),
    Builtin,
}

struct Remaining {
    answers: VecDeque<ScriptedAnswer>,
    played: usize,
}

struct ScriptedAnswer {
    status: StatusCode,
    headers: HeaderMap,
    body: OfflineBody,
}

/// Why a script cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the offline script: {reason}")]
pub struct ScriptError {
    /// The line, from 1; 0 is the script as a whole.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Debug for OfflineScript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.source {
            Source::Scripted(remaining) => {
                let left = remaining.lock().unwrap_or_else(PoisonError::into_inner).answers.len();
                write!(f, "OfflineScript({left} answers left)")
            }
            Source::Builtin => f.write_str("OfflineScript(built-in)"),
        }
    }
}

impl OfflineScript {
    /// Returns the default: a small set of rules that answers any request (see `builtin`).
    pub fn builtin() -> Self {
        Self { source: Arc::new(Source::Builtin) }
    }

    /// Reads a script, one JSON value a line. A line is an answer,
    /// `{"status":200,"headers":{..},"events":[..],"delay":S,"hang":S,"cut":true}`, or the same as `msg` of
    /// `{"dir":"model->server","msg":..}`; lines with another `dir` are passed over, so a recorded conversation is a
    /// script. Instead of `events` there may be `json` or `text`. An event is an object, or a string that is sent as
    /// it is. `delay` is the pause after each event and `hang` the silence after the last, both in seconds; `cut`
    /// breaks the connection where the answer would end.
    ///
    /// # Errors
    /// The first line that is no answer, or a script without any.
    pub fn parse(jsonl: &str) -> Result<Self, ScriptError> {
        let mut answers = VecDeque::new();
        for (index, line) in jsonl.lines().enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            let answer = parse_line(line).map_err(|reason| ScriptError { line: index + 1, reason })?;
            answers.extend(answer);
        }
        if answers.is_empty() {
            return Err(ScriptError { line: 0, reason: "it holds no answer".to_owned() });
        }
        let remaining = Remaining { answers, played: 0 };
        Ok(Self { source: Arc::new(Source::Scripted(Mutex::new(remaining))) })
    }

    /// Returns the answer to a request, given its body.
    pub(crate) fn answer(&self, request: &[u8]) -> RawResponse {
        let answer = match &*self.source {
            Source::Builtin => {
                let request = serde_json::from_slice(request).unwrap_or_default();
                ScriptedAnswer::events(&builtin::events(&request))
            }
            Source::Scripted(remaining) => {
                let mut remaining = remaining.lock().unwrap_or_else(PoisonError::into_inner);
                match remaining.answers.pop_front() {
                    Some(answer) => {
                        remaining.played += 1;
                        answer
                    }
                    None => ScriptedAnswer::run_out(remaining.played),
                }
            }
        };
        RawResponse { status: answer.status, headers: answer.headers, body: Transport::Offline(answer.body) }
    }
}

impl ScriptedAnswer {
    fn events(events: &[Value]) -> Self {
        let pieces = events.iter().map(|event| block(&event.to_string())).collect();
        Self {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: OfflineBody { pieces, ..OfflineBody::default() },
        }
    }

    /// A failure that is not retried: the same script would have nothing to say the next time either.
    fn run_out(played: usize) -> Self {
        let message = format!("the offline script has no answer left after {played}");
        Self::events(&[json!({
            "type": "response.failed",
            "response": {"id": "resp_offline", "error": {"code": "invalid_prompt", "message": message}},
        })])
    }
}

fn block(data: &str) -> Vec<u8> {
    format!("data: {data}\n\n").into_bytes()
}

/// Returns no answer for a line that belongs to the other side of a recorded conversation.
fn parse_line(line: &str) -> Result<Option<ScriptedAnswer>, String> {
    #[derive(Deserialize)]
    struct Line<'a> {
        #[serde(borrow, default)]
        dir: Option<Cow<'a, str>>,
        #[serde(borrow, default)]
        msg: Option<&'a RawValue>,
    }
    if !line.trim_start().starts_with('{') {
        return Err("it is not a JSON object".to_owned());
    }
    let Line { dir, msg } = serde_json::from_str(line).map_err(|error| problem(&error))?;
    match (dir.as_deref(), msg) {
        (Some("model->server"), Some(msg)) => parse_answer(msg.get()).map(Some),
        (Some("model->server"), None) => Err("`msg` is missing".to_owned()),
        (Some(_), _) => Ok(None),
        (None, _) => parse_answer(line).map(Some),
    }
}

/// An answer as it is written down. Unknown members are errors: a misspelt one would silently do nothing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireAnswer {
    status: Option<u16>,
    #[serde(default)]
    headers: Map<String, Value>,
    events: Option<Vec<Box<RawValue>>>,
    json: Option<Box<RawValue>>,
    text: Option<String>,
    delay: Option<f64>,
    hang: Option<f64>,
    #[serde(default)]
    cut: bool,
}

fn parse_answer(json: &str) -> Result<ScriptedAnswer, String> {
    let wire: WireAnswer = serde_json::from_str(json).map_err(|error| problem(&error))?;
    let status = match wire.status {
        None => StatusCode::OK,
        Some(status) => StatusCode::from_u16(status).map_err(|_| format!("{status} is not a status"))?,
    };
    let pieces = match (wire.events, wire.json, wire.text) {
        (Some(events), None, None) => {
            events.iter().map(|event| event_bytes(event)).collect::<Result<VecDeque<_>, String>>()?
        }
        (None, Some(json), None) => VecDeque::from([json.get().as_bytes().to_vec()]),
        (None, None, Some(text)) => VecDeque::from([text.into_bytes()]),
        (None, None, None) if wire.status.is_some() => VecDeque::new(),
        (None, None, None) => return Err("an answer needs `events`, `json`, `text` or a `status`".to_owned()),
        _ => return Err("an answer has only one of `events`, `json` and `text`".to_owned()),
    };
    let body = OfflineBody {
        pieces,
        delay: seconds("delay", wire.delay)?,
        hang: seconds("hang", wire.hang)?,
        cut: wire.cut,
        wait_until: None,
    };
    Ok(ScriptedAnswer { status, headers: parse_headers(&wire.headers)?, body })
}

/// The parser counts lines within the one line it is given, which would read as a line of the script.
fn problem(error: &serde_json::Error) -> String {
    error.to_string().replace(" at line 1 column ", " at column ")
}

fn event_bytes(event: &RawValue) -> Result<Vec<u8>, String> {
    match event.get().as_bytes().first() {
        Some(b'{') => Ok(block(event.get())),
        Some(b'"') => {
            serde_json::from_str(event.get()).map(String::into_bytes).map_err(|error| problem(&error))
        }
        _ => Err(format!("an event is an object or a string, not {event}")),
    }
}

fn parse_headers(headers: &Map<String, Value>) -> Result<HeaderMap, String> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            _ => return Err(format!("the header {name:?} is not text")),
        };
        let invalid = || format!("the header {name:?} is not valid in HTTP");
        map.append(
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid())?,
            HeaderValue::from_str(&text).map_err(|_| invalid())?,
        );
    }
    Ok(map)
}

fn seconds(name: &str, value: Option<f64>) -> Result<Duration, String> {
    Duration::try_from_secs_f64(value.unwrap_or(0.0)).map_err(|error| format!("`{name}`: {error}"))
}

/// The body of a scripted answer: one piece per event, paced by the runtime's clock.
#[derive(Default)]
pub(crate) struct OfflineBody {
    pieces: VecDeque<Vec<u8>>,
    /// The pause after each piece.
    delay: Duration,
    /// The silence after the last piece.
    hang: Duration,
    /// Whether the body breaks off instead of ending.
    cut: bool,
    /// The pause that is under way, so that dropping a waiting future does not start it anew.
    wait_until: Option<Instant>,
}

impl OfflineBody {
    pub(crate) async fn read(&mut self, mut sink: impl FnMut(&[u8])) -> Result<bool, String> {
        loop {
            if let Some(until) = self.wait_until {
                sleep_until(until).await;
                self.wait_until = None;
            }
            if let Some(piece) = self.pieces.pop_front() {
                if !self.delay.is_zero() {
                    self.wait_until = Instant::now().checked_add(self.delay);
                }
                sink(&piece);
                return Ok(true);
            }
            let hang = std::mem::take(&mut self.hang);
            if hang.is_zero() {
                break;
            }
            self.wait_until = Instant::now().checked_add(hang);
        }
        if self.cut { Err("the script cuts the connection here".to_owned()) } else { Ok(false) }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn reason(script: &str) -> String {
        OfflineScript::parse(script).map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn what_a_script_may_hold() {
        let script = OfflineScript::parse(concat!(
            r#"{"dir":"meta","msg":{"scenario":"x"}}"#,
            "\n\n",
            r#"{"dir":"client->server","raw":"not json"}"#,
            "\r\n",
            r#"{"dir":"model->server","msg":{"status":200,"events":[{"type":"response.created"}],"delay":0.02,"hang":3}}"#,
            "\n",
            r#"{"status":429,"headers":{"retry-after":1},"json":{"error":{}}}"#,
            "\n",
            r#"{"events":[],"cut":true}"#,
        ))
        .unwrap();
        assert_eq!(format!("{script:?}"), "OfflineScript(3 answers left)");
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        let all = [
            "",
            "\n[]",
            "{}\nnot json",
            "{\"status\":200}\n{\"evnets\":[]}",
            r#"{"status":99}"#,
            r#"{"events":[],"text":""}"#,
            r#"{"events":[1]}"#,
            r#"{"status":200,"delay":-1}"#,
            r#"{"status":200,"headers":{"a b":"c"}}"#,
            r#"{"status":200,"headers":{"a":{}}}"#,
            r#"{"dir":"model->server"}"#,
        ]
        .map(|script| reason(script) + "\n");
        expect![[r#"
            line 0 of the offline script: it holds no answer
            line 2 of the offline script: it is not a JSON object
            line 1 of the offline script: an answer needs `events`, `json`, `text` or a `status`
            line 2 of the offline script: unknown field `evnets`, expected one of `status`, `headers`, `events`, `json`, `text`, `delay`, `hang`, `cut` at column 9
            line 1 of the offline script: 99 is not a status
            line 1 of the offline script: an answer has only one of `events`, `json` and `text`
            line 1 of the offline script: an event is an object or a string, not 1
            line 1 of the offline script: `delay`: cannot convert float seconds to Duration: value is negative
            line 1 of the offline script: the header "a b" is not valid in HTTP
            line 1 of the offline script: the header "a" is not text
            line 1 of the offline script: `msg` is missing
        "#]]
        .assert_eq(&all.concat());
    }
}
