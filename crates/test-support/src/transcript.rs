//! Recorded conversations: their lines, the placeholders in them, and the comparison of a recorded value with a real
//! one. It knows the form of the recordings and nothing of what a method means, but where ids stand.
//!
//! A recording is a JSONL file. `{"dir": "client->server" | "server->client", "msg"}` are the messages in order (a
//! client line that is not one object has `raw` instead of `msg`), `meta` lines say what is shown and where the server
//! was restarted, `server->model` and `model->server` at the end are the model requests with their answers.
//! `<name>` stands for a value that differs from run to run; `<name1>` for the same value wherever it stands.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use serde_json::Value;

/// A recorded conversation.
#[derive(Debug, Clone, Default)]
pub struct Transcript {
    /// What it shows.
    pub about: String,
    /// The `config.toml`, with placeholders.
    pub config: String,
    /// The conversation with the client.
    pub steps: Vec<Step>,
    /// The conversation with the model: each request with its answer (null if there was none).
    pub exchanges: Vec<Exchange>,
    /// What the project folder held at the end, texts by relative path, if that was recorded.
    pub files_after: Option<BTreeMap<String, String>>,
    /// The `config.toml` at the end, if that was recorded.
    pub config_after: Option<String>,
}

/// One line between client and server.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// The client sent a message.
    Client(Value),
    /// The client sent a line that is no message, or is to be sent as it is.
    ClientRaw(String),
    /// The server sent a message.
    Server(Value),
    /// The server was stopped and started again.
    Restarted,
}

/// A model request and what the model answered.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// `method`, `path`, `headers`, `body`.
    pub request: Value,
    /// `status`, `events` or `json`, ...
    pub answer: Value,
}

impl Transcript {
    /// Reads a recording.
    ///
    /// # Errors
    /// A line that is not understood, by its number.
    pub fn parse(jsonl: &str) -> anyhow::Result<Self> {
        let mut transcript = Self::default();
        for (index, line) in jsonl.lines().enumerate() {
            let line: Value = serde_json::from_str(line).with_context(|| format!("line {}", index + 1))?;
            transcript.add(line).with_context(|| format!("line {}", index + 1))?;
        }
        Ok(transcript)
    }

    fn add(&mut self, mut line: Value) -> anyhow::Result<()> {
        let message = line["msg"].take();
        match line["dir"].as_str().unwrap_or_default() {
            "meta" if message["event"] == "server restarted" => self.steps.push(Step::Restarted),
            "meta" if message.get("scenario").is_some() => {
                self.about = message["about"].as_str().unwrap_or_default().to_owned();
                self.config = message["config"].as_str().unwrap_or_default().to_owned();
            }
            "meta" => {
                if let Some(files) = message["filesAfter"].as_object() {
                    let text = |(path, text): (&String, &Value)| {
                        (path.clone(), text.as_str().unwrap_or_default().to_owned())
                    };
                    self.files_after = Some(files.iter().map(text).collect());
                }
                if let Some(config) = message["configAfter"].as_str() {
                    self.config_after = Some(config.to_owned());
                }
            }
            "client->server" => match line["raw"].as_str() {
                Some(raw) => self.steps.push(Step::ClientRaw(raw.to_owned())),
                None => self.steps.push(Step::Client(message)),
            },
            "server->client" => self.steps.push(Step::Server(message)),
            "server->model" => self.exchanges.push(Exchange { request: message, answer: Value::Null }),
            "model->server" => {
                self.exchanges.last_mut().context("an answer without a request")?.answer = message;
            }
            other => bail!("unknown direction {other:?}"),
        }
        Ok(())
    }

    /// Makes placeholders of the turn and item ids that count per thread (`"0"`, `"turn-1"`, `"item-1"`), as servers
    /// of 0.94 made them. They mean something within their thread only, and turns count from 0 again when the thread
    /// is loaded anew.
    pub fn qualify_counted_ids(&mut self) {
        let mut thread_of_request = BTreeMap::new();
        let mut loads = 0;
        for step in &mut self.steps {
            let (Step::Client(message) | Step::Server(message)) = step else {
                loads += usize::from(*step == Step::Restarted);
                continue;
            };
            loads += usize::from(message["method"] == "thread/resume");
            let own = thread_of(message).map(|thread| thread.trim_matches(['<', '>']).to_owned());
            let thread = match (message.get("id").map(Value::to_string), message.get("method")) {
                (Some(id), Some(_)) => {
                    thread_of_request.insert(id, own.clone());
                    own
                }
                (Some(id), None) => own.or_else(|| thread_of_request.get(&id).cloned().flatten()),
                (None, _) => own,
            };
            if let Some(thread) = thread {
                Qualifier { thread: &thread, loads }.value(message, "");
            }
        }
    }
}

/// Returns the id of the thread a message names, in params or result.
pub fn thread_of(message: &Value) -> Option<&str> {
    [&message["params"]["threadId"], &message["params"]["thread"]["id"], &message["result"]["thread"]["id"]]
        .into_iter()
        .find_map(Value::as_str)
}

/// Makes placeholders of counted ids.
struct Qualifier<'a> {
    thread: &'a str,
    /// How often any thread was loaded before.
    loads: usize,
}

impl Qualifier<'_> {
    /// `key` is the member under which the value stands, the array's for its elements.
    fn value(&self, value: &mut Value, key: &str) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    let kind = match (key, name.as_str()) {
                        (_, "turnId" | "expectedTurnId") | ("turn" | "turns", "id") => "turn",
                        ("items", "id") => "item",
                        _ => "",
                    };
                    match member {
                        Value::String(id) if !kind.is_empty() => {
                            if let Some(qualified) = self.id(id) {
                                *id = format!("<{kind}:{qualified}>");
                            }
                        }
                        member => self.value(member, name),
                    }
                }
            }
            Value::Array(elements) => elements.iter_mut().for_each(|element| self.value(element, key)),
            _ => {}
        }
    }

    fn id(&self, id: &str) -> Option<String> {
        let Qualifier { thread, loads } = self;
        let is_number = |text: &str| text.parse::<u16>().is_ok();
        match id.strip_prefix("turn-").or_else(|| id.strip_prefix("item-")) {
            Some(number) if is_number(number) => Some(format!("{thread}/{id}")),
            None if is_number(id) => Some(format!("{thread}/{loads}/{id}")),
            _ => None,
        }
    }
}

/// A piece of a recorded string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece<'a> {
    Literal(&'a str),
    /// With its brackets.
    Placeholder(&'a str),
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut literal_start = 0;
    let mut at = 0;
    while let Some(open) = text[at..].find('<').map(|offset| at + offset) {
        match placeholder_length(&text[open..]) {
            Some(length) => {
                if literal_start < open {
                    pieces.push(Piece::Literal(&text[literal_start..open]));
                }
                pieces.push(Piece::Placeholder(&text[open..open + length]));
                at = open + length;
                literal_start = at;
            }
            None => at = open + 1,
        }
    }
    if literal_start < text.len() {
        pieces.push(Piece::Literal(&text[literal_start..]));
    }
    pieces
}

fn has_placeholder(text: &str) -> bool {
    pieces(text).iter().any(|piece| matches!(piece, Piece::Placeholder(_)))
}

/// The names the recordings use; other text in brackets means itself.
const NAMES: [&str; 33] = [
    "arch",
    "base",
    "chunk",
    "date",
    "hash",
    "home",
    "host",
    "instructions",
    "item",
    "json",
    "jwt",
    "login",
    "methods",
    "ms",
    "nickname",
    "os",
    "pid",
    "port",
    "random",
    "secs",
    "server",
    "session",
    "sha",
    "stamp",
    "terminal",
    "text",
    "thread",
    "ts",
    "turn",
    "uuid",
    "version",
    "when",
    "work",
];

fn placeholder_length(text: &str) -> Option<usize> {
    let end = text.find('>')?;
    let inner = &text[1..end];
    let name = inner.split(':').next().unwrap_or_default().trim_end_matches(|c: char| c.is_ascii_digit());
    NAMES.contains(&name).then_some(end + 1)
}

/// Whether a placeholder stands for one value throughout.
fn is_bound(placeholder: &str) -> bool {
    let inner = placeholder.trim_matches(['<', '>']);
    inner.starts_with("turn:")
        || inner.starts_with("item:")
        || (!inner.contains(':') && inner.ends_with(|c: char| c.is_ascii_digit()))
}

fn is_id(placeholder: &str) -> bool {
    ["<thread", "<turn", "<item", "<uuid", "<login"].iter().any(|start| placeholder.starts_with(start))
}

fn is_uuid(value: &str) -> bool {
    let is_hyphen = |index: usize| matches!(index, 8 | 13 | 18 | 23);
    value.len() == 36
        && value
            .bytes()
            .enumerate()
            .all(|(index, byte)| if is_hyphen(index) { byte == b'-' } else { byte.is_ascii_hexdigit() })
}

/// Whether a recorded string stands for wording that is not kept.
pub fn is_free_text(recorded: &str) -> bool {
    matches!(recorded, "<text>" | "<instructions>" | "<json>") || recorded.starts_with("<text:")
}

/// What is known of the placeholders.
#[derive(Debug, Clone, Default)]
pub struct Bindings {
    values: BTreeMap<String, String>,
    /// Opaque cursors: recorded to real.
    cursors: BTreeMap<String, String>,
}

/// A placeholder whose value is not known (yet).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown(pub String);

impl Bindings {
    /// Says what a placeholder (with its brackets) stands for.
    pub fn define(&mut self, placeholder: &str, value: impl Into<String>) {
        self.values.insert(placeholder.to_owned(), value.into());
    }

    /// Returns the value of a placeholder.
    pub fn get(&self, placeholder: &str) -> Option<&str> {
        self.values.get(placeholder).map(String::as_str)
    }

    /// Returns whether an unknown placeholder may stand for this: ids are UUIDs, and a value has one numbered name.
    /// Counted ids may name a turn twice.
    fn may_be(&self, placeholder: &str, value: &str) -> bool {
        let is_numbered = |name: &str| is_bound(name) && !name.contains(':');
        if self.values.contains_key(placeholder) {
            return false;
        }
        !is_numbered(placeholder)
            || ((!is_id(placeholder) || is_uuid(value))
                && !self.values.iter().any(|(name, other)| is_numbered(name) && other == value))
    }

    /// Learns the unknown placeholders of a recorded value from the real one. What does not fit is passed over.
    pub fn learn(&mut self, recorded: &Value, real: &Value) {
        match (recorded, real) {
            (Value::Object(recorded), Value::Object(real)) => {
                for (name, recorded) in recorded {
                    let Some(real) = real.get(name) else { continue };
                    if let (true, Some(recorded), Some(real)) =
                        (is_cursor(name), recorded.as_str(), real.as_str())
                    {
                        self.cursors.insert(recorded.to_owned(), real.to_owned());
                    }
                    self.learn(recorded, real);
                }
            }
            (Value::Array(recorded), Value::Array(real)) => {
                for (recorded, real) in recorded.iter().zip(real) {
                    self.learn(recorded, real);
                }
            }
            (Value::String(recorded), Value::String(real))
                if is_bound(recorded) && pieces(recorded).len() == 1 && self.may_be(recorded, real) =>
            {
                self.define(recorded, real);
            }
            _ => {}
        }
    }

    /// Puts the values of known placeholders into a recorded value.
    ///
    /// # Errors
    /// The first placeholder that must be known and is not.
    pub fn fill(&self, recorded: &Value) -> Result<Value, Unknown> {
        Ok(match recorded {
            Value::Object(members) => {
                let mut filled = serde_json::Map::with_capacity(members.len());
                for (name, member) in members {
                    let cursor =
                        member.as_str().filter(|_| name == "cursor").and_then(|text| self.cursors.get(text));
                    let member =
                        cursor.map_or_else(|| self.fill(member), |cursor| Ok(cursor.as_str().into()))?;
                    filled.insert(name.clone(), member);
                }
                Value::Object(filled)
            }
            Value::Array(elements) => {
                Value::Array(elements.iter().map(|element| self.fill(element)).collect::<Result<_, _>>()?)
            }
            Value::String(text) => Value::String(self.fill_text(text)?),
            other => other.clone(),
        })
    }

    /// Puts the values of known placeholders into a text.
    ///
    /// # Errors
    /// The first placeholder that must be known and is not.
    pub fn fill_text(&self, recorded: &str) -> Result<String, Unknown> {
        let mut filled = String::with_capacity(recorded.len());
        for piece in pieces(recorded) {
            match piece {
                Piece::Literal(text) => filled.push_str(text),
                Piece::Placeholder(name) => match self.get(name) {
                    Some(value) => filled.push_str(value),
                    None if is_bound(name) => return Err(Unknown(name.to_owned())),
                    None => filled.push_str(name),
                },
            }
        }
        Ok(filled)
    }

    /// Compares a recorded value with the real one and returns what differs. Placeholders seen for the first time are
    /// learned.
    pub fn compare(&mut self, recorded: &Value, real: &Value, rules: &dyn Rules) -> Vec<Mismatch> {
        let mut mismatches = Vec::new();
        self.compare_at(&mut String::new(), recorded, real, rules, &mut mismatches);
        mismatches
    }

    fn compare_at(
        &mut self,
        path: &mut String,
        recorded: &Value,
        real: &Value,
        rules: &dyn Rules,
        found: &mut Vec<Mismatch>,
    ) {
        let mismatch = |path: &str, problem| Mismatch {
            path: path.to_owned(),
            problem,
            recorded: recorded.clone(),
            real: real.clone(),
        };
        match (recorded, real) {
            (Value::Object(recorded), Value::Object(real)) => {
                if recorded.keys().any(|name| has_placeholder(name)) {
                    let filled = |name: &String| self.fill_text(name).unwrap_or_else(|_| name.clone());
                    let recorded =
                        recorded.iter().map(|(name, member)| (filled(name), member.clone())).collect();
                    return self.compare_members(path, &recorded, real, rules, found);
                }
                self.compare_members(path, recorded, real, rules, found);
            }
            (Value::Array(recorded), Value::Array(real)) => {
                if recorded.len() != real.len() {
                    return found.push(mismatch(path, Problem::Length));
                }
                let length = path.len();
                path.push_str("[]");
                for (recorded, real) in recorded.iter().zip(real) {
                    self.compare_at(path, recorded, real, rules, found);
                }
                path.truncate(length);
            }
            (Value::String(text), real) if has_placeholder(text) => {
                let fits = self.text_fits(text, real);
                found.extend((!fits).then(|| mismatch(path, Problem::Value)));
            }
            (recorded, real) if kind(recorded) != kind(real) => found.push(mismatch(path, Problem::Kind)),
            (recorded, real) if recorded != real => found.push(mismatch(path, Problem::Value)),
            _ => {}
        }
    }

    fn compare_members(
        &mut self,
        path: &mut String,
        recorded: &serde_json::Map<String, Value>,
        real: &serde_json::Map<String, Value>,
        rules: &dyn Rules,
        found: &mut Vec<Mismatch>,
    ) {
        let length = path.len();
        let step = |path: &mut String, name: &str| {
            path.truncate(length);
            if length > 0 {
                path.push('.');
            }
            path.push_str(name);
        };
        for (name, recorded) in recorded {
            step(path, name);
            match (rules.field(path), real.get(name)) {
                (Care::Ignore, _) => {}
                (_, None) => found.push(Mismatch {
                    path: path.clone(),
                    problem: Problem::Missing,
                    recorded: recorded.clone(),
                    real: Value::Null,
                }),
                (Care::Kind, Some(real)) => {
                    // A placeholder may stand for a number.
                    let fits = kind(recorded) == kind(real)
                        || recorded.as_str().is_some_and(|text| self.text_fits(text, real));
                    if !fits {
                        let (recorded, real) = (recorded.clone(), real.clone());
                        found.push(Mismatch { path: path.clone(), problem: Problem::Kind, recorded, real });
                    }
                }
                (Care::Full, Some(real)) => self.compare_at(path, recorded, real, rules, found),
            }
        }
        for (name, real) in real.iter().filter(|(name, _)| !recorded.contains_key(*name)) {
            step(path, name);
            if !rules.may_be_extra(path) {
                let (recorded, real) = (Value::Null, real.clone());
                found.push(Mismatch { path: path.clone(), problem: Problem::Extra, recorded, real });
            }
        }
        path.truncate(length);
    }

    /// Compares a recorded string that holds placeholders.
    pub fn text_fits(&mut self, recorded: &str, real: &Value) -> bool {
        let pieces = pieces(recorded);
        match (pieces.as_slice(), real) {
            ([Piece::Placeholder("<json>")], _) => true,
            ([Piece::Placeholder(name)], Value::Number(_)) => {
                matches!(*name, "<ts>" | "<ms>" | "<secs>" | "<pid>" | "<port>" | "<session>")
            }
            (pieces, Value::String(real)) => self.pieces_fit(pieces, real),
            _ => false,
        }
    }

    fn pieces_fit(&mut self, pieces: &[Piece<'_>], real: &str) -> bool {
        let Some((first, rest)) = pieces.split_first() else { return real.is_empty() };
        match first {
            Piece::Literal(text) => real.strip_prefix(text).is_some_and(|real| self.pieces_fit(rest, real)),
            Piece::Placeholder(name) => {
                if let Some(value) = self.get(name).map(str::to_owned) {
                    return real.strip_prefix(value.as_str()).is_some_and(|real| self.pieces_fit(rest, real));
                }
                // The shortest value that lets the rest fit; an empty one stands for nothing.
                let shortest = if is_free_text(name) { 0 } else { 1 };
                let end = (shortest..=real.len())
                    .filter(|end| real.is_char_boundary(*end))
                    .find(|end| self.may_be(name, &real[..*end]) && self.pieces_fit(rest, &real[*end..]));
                if let Some(end) = end
                    && is_bound(name)
                {
                    self.define(name, &real[..end]);
                }
                end.is_some()
            }
        }
    }
}

fn is_cursor(name: &str) -> bool {
    matches!(name, "nextCursor" | "backwardsCursor")
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Care {
    /// Wholly.
    Full,
    /// Its JSON type only.
    Kind,
    /// Not at all.
    Ignore,
}

/// What a comparison must not mind. Paths are dotted, `[]` for any element: `params.turn.items[].text`.
pub trait Rules {
    /// Returns how a recorded field is compared.
    fn field(&self, path: &str) -> Care;
    /// Returns whether a field that is not in the recording is no matter.
    fn may_be_extra(&self, path: &str) -> bool;
}

/// Something that differs.
#[derive(Debug, Clone, PartialEq)]
pub struct Mismatch {
    /// Where, as for [`Rules`].
    pub path: String,
    /// How.
    pub problem: Problem,
    /// What was recorded.
    pub recorded: Value,
    /// What there is.
    pub real: Value,
}

/// How a value differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// The field is not there.
    Missing,
    /// The field is not in the recording.
    Extra,
    /// Another JSON type, null included.
    Kind,
    /// Another number of elements.
    Length,
    /// Another value, or a placeholder that stands for two values.
    Value,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const A: &str = "01a1fdbf-9dad-75e2-8d49-35a727968cc2";
    const B: &str = "01a1fdbf-9dad-75e2-8d49-35a727968cc3";

    struct Strict;

    impl Rules for Strict {
        fn field(&self, path: &str) -> Care {
            match path {
                "message" => Care::Kind,
                "extra" => Care::Ignore,
                _ => Care::Full,
            }
        }
        fn may_be_extra(&self, path: &str) -> bool {
            path == "a.more"
        }
    }

    #[test]
    fn a_recording_is_read() {
        let transcript = Transcript::parse(concat!(
            r#"{"dir":"meta","msg":{"scenario":"x","about":"shows x","config":"a = 1"}}"#,
            "\n",
            r#"{"dir":"client->server","msg":{"method":"a","id":1}}"#,
            "\n",
            r#"{"dir":"client->server","raw":"not json"}"#,
            "\n",
            r#"{"dir":"meta","msg":{"event":"server restarted"}}"#,
            "\n",
            r#"{"dir":"server->client","msg":{"id":1,"result":{}}}"#,
            "\n",
            r#"{"dir":"server->model","msg":{"method":"POST"}}"#,
            "\n",
            r#"{"dir":"model->server","msg":{"status":500}}"#,
            "\n",
            r#"{"dir":"meta","msg":{"event":"end","filesAfter":{"a/b":"c"},"configAfter":"a = 2"}}"#,
        ))
        .unwrap();
        assert_eq!(transcript.files_after, Some(BTreeMap::from([("a/b".to_owned(), "c".to_owned())])));
        assert_eq!(transcript.config_after.as_deref(), Some("a = 2"));
        assert_eq!((transcript.about.as_str(), transcript.config.as_str()), ("shows x", "a = 1"));
        assert_eq!(
            transcript.steps,
            [
                Step::Client(json!({"method": "a", "id": 1})),
                Step::ClientRaw("not json".to_owned()),
                Step::Restarted,
                Step::Server(json!({"id": 1, "result": {}})),
            ]
        );
        assert_eq!(transcript.exchanges[0].answer, json!({"status": 500}));
        assert!(Transcript::parse("{\"dir\":\"sideways\"}").is_err());
        assert!(Transcript::parse("{\"dir\":\"model->server\",\"msg\":{}}").is_err());
    }

    #[test]
    fn counted_ids_become_placeholders_of_their_thread() {
        let mut transcript = Transcript {
            steps: vec![
                Step::Client(json!({"method": "turn/start", "id": 5, "params": {"threadId": "<thread1>"}})),
                Step::Server(json!({"id": 5, "result": {"turn": {"id": "0", "items": []}}})),
                Step::Server(
                    json!({"method": "x", "params": {"threadId": "<thread2>", "turnId": "0", "itemId": "0"}}),
                ),
                Step::Server(json!({"id": 9, "result": {"thread": {"id": "<thread1>", "turns": [
                    {"id": "turn-1", "items": [{"id": "item-1"}, {"id": "msg_1"}]}
                ]}}})),
            ],
            ..Transcript::default()
        };
        transcript.qualify_counted_ids();
        assert_eq!(
            transcript.steps[1..],
            [
                Step::Server(json!({"id": 5, "result": {"turn": {"id": "<turn:thread1/0/0>", "items": []}}})),
                Step::Server(json!({
                    "method": "x",
                    "params": {"threadId": "<thread2>", "turnId": "<turn:thread2/0/0>", "itemId": "0"},
                })),
                Step::Server(json!({"id": 9, "result": {"thread": {"id": "<thread1>", "turns": [
                    {"id": "<turn:thread1/turn-1>", "items": [{"id": "<item:thread1/item-1>"}, {"id": "msg_1"}]}
                ]}}})),
            ]
        );
    }

    #[test]
    fn values_are_learned_and_filled_in() {
        let mut bindings = Bindings::default();
        bindings.define("<work>", "/w");
        bindings.learn(
            &json!({"thread": {"id": "<thread1>", "at": "<ts>"}, "nextCursor": "<ts>|<thread1>"}),
            &json!({"thread": {"id": A, "at": 5}, "nextCursor": "opaque"}),
        );
        let filled = bindings.fill(&json!({
            "cwd": "<work>/sub", "id": "<thread1>", "cursor": "<ts>|<thread1>", "html": "<b>",
        }));
        assert_eq!(filled, Ok(json!({"cwd": "/w/sub", "id": A, "cursor": "opaque", "html": "<b>"})));
        assert_eq!(bindings.fill(&json!(["<turn1>"])), Err(Unknown("<turn1>".to_owned())));
    }

    fn check(recorded: &Value, real: &Value) -> Vec<(String, Problem)> {
        let mut bindings = Bindings::default();
        bindings.define("<home>", "/h");
        let mismatches = bindings.compare(recorded, real, &Strict);
        mismatches.into_iter().map(|mismatch| (mismatch.path, mismatch.problem)).collect()
    }

    #[test]
    fn what_is_the_same() {
        for (recorded, real) in [
            (json!({"a": {"b": [1, null]}}), json!({"a": {"b": [1, null], "more": 1}})),
            (json!({"message": "x"}), json!({"message": "y"})),
            (json!({"extra": 1}), json!({})),
            (json!("<home>/<date>/<thread1>.jsonl"), json!(format!("/h/2026/1/{A}.jsonl"))),
            (json!(["<thread1>", "<thread1>", "<ts>", "<ms>"]), json!([A, A, 1, 2.5])),
            (json!("<text>"), json!("")),
            (json!("a <b> c"), json!("a <b> c")),
        ] {
            assert_eq!(check(&recorded, &real), [], "{recorded} {real}");
        }
    }

    #[test]
    fn what_differs() {
        for (recorded, real, path, problem) in [
            (json!({"a": {"b": 1}}), json!({"a": {}}), "a.b", Problem::Missing),
            (json!({"a": {}}), json!({"a": {"b": 1}}), "a.b", Problem::Extra),
            (json!({"a": [{"b": 1}]}), json!({"a": [{"b": null}]}), "a[].b", Problem::Kind),
            (json!({"message": "x"}), json!({"message": 1}), "message", Problem::Kind),
            (json!([1]), json!([]), "", Problem::Length),
            (json!(["<thread1>", "<thread1>"]), json!([A, B]), "[]", Problem::Value),
            (json!("<home>/x"), json!("/other/x"), "", Problem::Value),
            (json!("<stamp>-<thread1>"), json!(format!("x-{A}0")), "", Problem::Value),
            (json!("<ts>"), json!(null), "", Problem::Value),
            (json!("<thread1>"), json!(4), "", Problem::Value),
            (json!(["<thread1>", "<thread2>"]), json!([A, A]), "[]", Problem::Value),
            (json!("a"), json!("b"), "", Problem::Value),
        ] {
            assert_eq!(check(&recorded, &real), [(path.to_owned(), problem)], "{recorded} {real}");
        }
    }
}
