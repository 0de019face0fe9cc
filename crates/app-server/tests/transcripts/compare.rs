//! Compares what was recorded with what came: the messages of each thread in order, every answer, every model request.
//!
//! Tools run beside the model's stream and beside each other, so the messages of a thread are compared in lanes: one for
//! each tool call, one for what the thread waits for, one for the diff and one for the plan, and one for all the rest. The
//! order within a lane and the turn in which a message comes are compared, the order between lanes is nobody's promise.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use app_server_test_support::transcript::{
    Bindings, Care, Exchange, Mismatch, Problem, Rules, Transcript, is_free_text, thread_of,
};
use app_server_test_support::{RecordedRequest, TempHome};
use serde_json::Value;

use crate::client_output;
use crate::expectations::{Difference, Expectations, What};
use crate::replay::AGENT;

/// How much of a value a report shows.
const SHOWN_BYTES: usize = 300;

/// A recording being compared.
pub(crate) struct Comparison<'a> {
    pub(crate) name: &'a str,
    pub(crate) is_94: bool,
    pub(crate) expectations: &'a Expectations,
    pub(crate) bindings: Bindings,
    pub(crate) differences: Vec<Difference>,
}

/// What happened between two starts of the server.
#[derive(Default)]
pub(crate) struct Segment {
    /// The server's recorded messages.
    pub(crate) recorded: Vec<Value>,
    /// What came.
    pub(crate) real: Vec<Value>,
    /// Method and recorded thread of each request that was sent, by id.
    pub(crate) requests: BTreeMap<String, SentRequest>,
    /// Ids of requests that were not sent; their answers are not expected.
    pub(crate) unsent: BTreeSet<String>,
}

#[derive(Clone, Default)]
pub(crate) struct SentRequest {
    pub(crate) method: String,
    pub(crate) thread: Option<String>,
}

pub(crate) fn shown(value: &Value) -> String {
    let mut text = value.to_string();
    if text.len() > SHOWN_BYTES {
        let end = (0..=SHOWN_BYTES).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
        text.push_str("...");
    }
    text
}

/// Names a notification or server request so that two of one kind have one name.
pub(crate) fn name_of(message: &Value) -> String {
    let method = message["method"].as_str().unwrap_or_default();
    let detail =
        message["params"]["item"]["type"].as_str().or_else(|| message["params"]["status"]["type"].as_str());
    match detail {
        Some(detail) => format!("{method}:{detail}"),
        None => method.to_owned(),
    }
}

pub(crate) fn is_answer(message: &Value) -> bool {
    message.get("method").is_none()
}

pub(crate) fn id_of(message: &Value) -> String {
    message["id"].to_string()
}

pub(crate) fn is_server_request(message: &Value) -> bool {
    message.get("method").is_some() && message.get("id").is_some()
}

/// Returns the id of the call that a server request is about, "" for none.
pub(crate) fn call_of(message: &Value) -> &str {
    let params = &message["params"];
    params["itemId"].as_str().or_else(|| params["callId"].as_str()).unwrap_or_default()
}

/// Returns the real id of each recorded server request that came, by the recorded id: those with the same method, thread
/// and call are one.
pub(crate) fn paired_requests(
    recorded: &[Value],
    real: &[Value],
    bindings: &Bindings,
) -> BTreeMap<String, Value> {
    let key = |message: &Value, thread: String| {
        (message["method"].to_string(), call_of(message).to_owned(), thread)
    };
    let mut waiting: BTreeMap<_, Vec<&Value>> = BTreeMap::new();
    for message in real.iter().rev().filter(|message| is_server_request(message)) {
        let thread = thread_of(message).unwrap_or_default().to_owned();
        waiting.entry(key(message, thread)).or_default().push(&message["id"]);
    }
    let mut pairs = BTreeMap::new();
    for message in recorded.iter().filter(|message| is_server_request(message)) {
        let Ok(thread) = bindings.fill_text(thread_of(message).unwrap_or_default()) else { continue };
        if let Some(id) = waiting.get_mut(&key(message, thread)).and_then(Vec::pop) {
            pairs.insert(id_of(message), id.clone());
        }
    }
    pairs
}

/// Returns the call each server request is about, by the request's id.
fn calls_of_requests(messages: &[Value]) -> BTreeMap<String, String> {
    let requests = messages.iter().filter(|message| is_server_request(message));
    requests.map(|message| (id_of(message), call_of(message).to_owned())).collect()
}

/// Knows what 0.94 said twice: token usage at the start of a turn, and the completion of what was declined.
#[derive(Default)]
pub(crate) struct Repeated {
    usage: BTreeMap<String, Value>,
    completed: BTreeSet<String>,
}

impl Repeated {
    /// Returns whether the message says what one before it said.
    pub(crate) fn is_repeated(&mut self, message: &Value) -> bool {
        let params = &message["params"];
        match message["method"].as_str() {
            Some("thread/tokenUsage/updated") => {
                let usage = params["tokenUsage"].clone();
                self.usage.insert(params["threadId"].to_string(), usage.clone()) == Some(usage)
            }
            Some("item/completed") => {
                let id = format!("{} {} {}", params["threadId"], params["turnId"], params["item"]["id"]);
                !self.completed.insert(id)
            }
            _ => false,
        }
    }
}

/// Joins the deltas of one item that follow each other: a server may merge them.
fn merge_deltas(messages: Vec<(usize, Value)>) -> Vec<(usize, Value)> {
    let mut merged: Vec<(usize, Value)> = Vec::new();
    for (turns_over, message) in messages {
        if let Some((_, last)) = merged.last_mut()
            && is_continued_by(last, &message)
        {
            last["params"]["delta"] = Value::String(format!("{}{}", delta_of(last), delta_of(&message)));
        } else {
            merged.push((turns_over, message));
        }
    }
    merged
}

fn delta_of(message: &Value) -> &str {
    message["params"]["delta"].as_str().unwrap_or_default()
}

fn is_continued_by(first: &Value, second: &Value) -> bool {
    let same = |field: &str| first["params"][field] == second["params"][field];
    first["method"] == second["method"]
        && first["params"]["delta"].is_string()
        && second["params"]["delta"].is_string()
        && ["threadId", "itemId", "summaryIndex", "contentIndex"].into_iter().all(same)
}

/// A message in the order of its lane.
#[derive(Debug)]
struct Entry {
    name: String,
    /// How many turns of the thread were over.
    turns_over: usize,
    message: Value,
}

/// The messages of a thread by lane.
type Lanes = BTreeMap<String, Vec<Entry>>;

/// Returns the first lane that begins as a recorded one whose id the server chose.
fn lane_like(recorded: &[Entry], real: &Lanes) -> Option<String> {
    let name = |entries: &[Entry]| entries.first().map(|entry| (entry.name.clone(), entry.turns_over));
    let is_like = |entries: &Vec<Entry>| name(entries) == name(recorded);
    real.iter().find(|(lane, entries)| !lane.is_empty() && is_like(entries)).map(|(lane, _)| lane.clone())
}

/// Items that a tool makes while the model's stream goes on.
const TOOL_ITEMS: [&str; 6] =
    ["commandExecution", "fileChange", "mcpToolCall", "dynamicToolCall", "imageView", "collabAgentToolCall"];

/// Sorts the messages of one thread into lanes.
fn lanes(messages: Vec<Value>, calls: &BTreeMap<String, String>) -> Lanes {
    let mut lanes: BTreeMap<String, Vec<(usize, Value)>> = BTreeMap::new();
    let (mut turns_over, mut was_active) = (0, false);
    for message in messages {
        let method = message["method"].as_str().unwrap_or_default();
        let params = &message["params"];
        let is_active = params["status"]["type"] == "active";
        let lane = match method {
            "serverRequest/resolved" => calls.get(&params["requestId"].to_string()).cloned(),
            "item/started" | "item/completed" => {
                let is_tool = params["item"]["type"].as_str().is_some_and(|kind| TOOL_ITEMS.contains(&kind));
                is_tool.then(|| params["item"]["id"].as_str().unwrap_or_default().to_owned())
            }
            "turn/diff/updated" | "turn/plan/updated" => Some(method.to_owned()),
            "thread/status/changed" if is_active && was_active => Some("waiting".to_owned()),
            _ if is_server_request(&message)
                || method.starts_with("item/commandExecution/")
                || method.starts_with("item/mcpToolCall/") =>
            {
                Some(call_of(&message).to_owned())
            }
            _ => None,
        };
        if method == "thread/status/changed" {
            was_active = is_active;
        }
        let is_turn_over = method == "turn/completed";
        let lane = lanes.entry(lane.unwrap_or_default()).or_default();
        let is_repeated = method == "turn/diff/updated"
            && lane.last().is_some_and(|(_, last)| last["params"] == message["params"]);
        if !is_repeated {
            lane.push((turns_over, message));
        }
        turns_over += usize::from(is_turn_over);
    }
    let entry = |(turns_over, message): (usize, Value)| {
        let name =
            if is_answer(&message) { format!("answer {}", id_of(&message)) } else { name_of(&message) };
        Entry { name, turns_over, message }
    };
    lanes
        .into_iter()
        .map(|(lane, messages)| (lane, merge_deltas(messages).into_iter().map(entry).collect()))
        .collect()
}

impl Comparison<'_> {
    pub(crate) fn note(&mut self, at: &str, what: What, path: &str, detail: String) {
        self.differences.push(Difference { at: at.to_owned(), what, path: path.to_owned(), detail });
    }

    pub(crate) fn is_ignored(&self, message: &Value) -> bool {
        let method = message["method"].as_str().unwrap_or_default();
        let era = &self.expectations.era_94;
        self.expectations.compare.ignored_notifications.contains(method)
            || (self.is_94
                && (era.later_notifications.contains(method)
                    || era.later_notifications.contains(&name_of(message))
                    || era.had_only(method)))
    }

    /// Compares everything between two starts of the server.
    pub(crate) fn segment(&mut self, segment: &Segment) {
        self.answers(segment);
        self.threads(segment);
        self.output_deltas(&segment.real);
        self.client_output(segment);
    }

    /// Compares what programs of the client said.
    fn client_output(&mut self, segment: &Segment) {
        let recorded = client_output::said(&segment.recorded);
        let mut real = client_output::said(&segment.real);
        for ((method, stream), recorded) in recorded {
            let real = real.remove(&(method.clone(), stream.clone())).unwrap_or_default();
            if real != recorded {
                self.note(&method, What::Field, "params", format!("{stream}: {recorded:?} and {real:?}"));
            }
        }
        for ((method, stream), real) in real {
            self.note(&method, What::Extra, "", format!("{stream}: {real:?}"));
        }
    }

    /// Compares what commands showed while they ran with their output. Which part of it a reference showed was chance.
    fn output_deltas(&mut self, real: &[Value]) {
        const DELTA: &str = "item/commandExecution/outputDelta";
        let mut shown_so_far: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut running = BTreeSet::new();
        for message in real {
            let params = &message["params"];
            let is_command = params["item"]["type"] == "commandExecution";
            let key = |id: &Value| format!("{} {id}", params["threadId"]);
            match message["method"].as_str().unwrap_or_default() {
                "item/started" if is_command => {
                    running.insert(key(&params["item"]["id"]));
                }
                DELTA if running.contains(&key(&params["itemId"])) => {
                    let deltas = shown_so_far.entry(key(&params["itemId"])).or_default();
                    deltas.push(delta_of(message).to_owned());
                }
                DELTA => self.note(DELTA, What::Order, "", format!("not while it runs: {}", shown(message))),
                "item/completed" if is_command => {
                    let key = key(&params["item"]["id"]);
                    running.remove(&key);
                    let deltas = shown_so_far.remove(&key).unwrap_or_default();
                    let output = params["item"]["aggregatedOutput"].as_str().unwrap_or_default();
                    let is_part = deltas.iter().try_fold(output, |rest, delta| {
                        rest.find(delta.as_str()).map(|at| &rest[at + delta.len()..])
                    });
                    let must_be_whole = self.expectations.compare.output_deltas_are_complete;
                    if is_part.is_none() || (must_be_whole && deltas.concat() != output) {
                        let detail = format!("{deltas:?} is not {output:?}");
                        self.note(DELTA, What::Field, "params.delta", detail);
                    }
                }
                _ => {}
            }
        }
    }

    /// Compares the answers, by id in order.
    fn answers(&mut self, segment: &Segment) {
        let by_id = |messages: &[Value]| {
            let mut answers: BTreeMap<String, Vec<Value>> = BTreeMap::new();
            for message in messages.iter().filter(|message| is_answer(message)) {
                answers.entry(id_of(message)).or_default().push(message.clone());
            }
            answers
        };
        let mut recorded = by_id(&segment.recorded);
        let mut real = by_id(&segment.real);
        // In the order of the recording, so that placeholders are learned where they first stand.
        let mut ids: Vec<String> = Vec::new();
        for message in segment.recorded.iter().chain(&segment.real).filter(|message| is_answer(message)) {
            if !ids.contains(&id_of(message)) {
                ids.push(id_of(message));
            }
        }
        for id in ids.into_iter().filter(|id| !segment.unsent.contains(id)) {
            let at = segment.requests.get(&id).map_or("answer", |request| request.method.as_str()).to_owned();
            let recorded = recorded.remove(&id).unwrap_or_default();
            let real = real.remove(&id).unwrap_or_default();
            for extra in real.iter().skip(recorded.len()) {
                self.note(&at, What::Extra, "", format!("id {id}: {}", shown(extra)));
            }
            for (index, recorded) in recorded.iter().enumerate() {
                match real.get(index) {
                    None => self.note(&at, What::Missing, "", format!("id {id}: {}", shown(recorded))),
                    Some(real) => self.answer(&at, recorded, real),
                }
            }
        }
    }

    fn answer(&mut self, at: &str, recorded: &Value, real: &Value) {
        let detail = || format!("id {}: recorded {}, got {}", recorded["id"], shown(recorded), shown(real));
        match (recorded.get("error"), real.get("error")) {
            (None, None) => {
                let rules = self.expectations.rules(self.is_94, "result");
                let mismatches = self.bindings.compare(&recorded["result"], &real["result"], &rules);
                self.mismatches(at, "result", mismatches);
            }
            (Some(recorded_error), Some(real_error)) => {
                if recorded_error["code"] != real_error["code"] {
                    self.note(at, What::Answer, "code", detail());
                }
                if let Some(text) = self.missing_text(recorded_error, real_error) {
                    self.note(at, What::Text, "", format!("`{text}` is not in: {}", detail()));
                }
            }
            (Some(_), None) => self.note(at, What::Answer, "result", detail()),
            (None, Some(_)) => self.note(at, What::Answer, "error", detail()),
        }
    }

    /// Returns a text that must be in the error message and is not.
    fn missing_text(&self, recorded: &Value, real: &Value) -> Option<String> {
        let recorded = recorded["message"].as_str().unwrap_or_default();
        let real = real["message"].as_str()?;
        let texts = self.expectations.fixed_text.iter().filter(|text| recorded.contains(&text.recorded));
        texts
            .filter_map(|text| self.bindings.fill_text(text.ours.as_deref().unwrap_or(recorded)).ok())
            .find(|text| !real.contains(text.as_str()))
    }

    fn mismatches(&mut self, at: &str, root: &str, mismatches: Vec<Mismatch>) {
        for Mismatch { path, problem, recorded, real } in mismatches {
            let path = if path.is_empty() { root.to_owned() } else { format!("{root}.{path}") };
            let detail = match problem {
                Problem::Missing => format!("missing; recorded {}", shown(&recorded)),
                Problem::Extra => format!("not recorded: {}", shown(&real)),
                Problem::Length | Problem::Kind | Problem::Value => {
                    format!("recorded {}, got {}", shown(&recorded), shown(&real))
                }
            };
            self.note(at, What::Field, &path, detail);
        }
    }

    fn threads(&mut self, segment: &Segment) {
        let requests = paired_requests(&segment.recorded, &segment.real, &self.bindings);
        let recorded = self.by_thread(segment, &segment.recorded, true);
        let mut real = self.by_thread(segment, &segment.real, false);
        let mut left = Vec::new();
        for (thread, recorded) in recorded {
            // A thread that could not be made has no messages.
            let Ok(id) = self.bindings.fill_text(&thread) else { continue };
            let mut real = real.remove(&id).unwrap_or_default();
            for (lane, mut recorded) in recorded {
                for Entry { message, .. } in &mut recorded {
                    let id = message["params"]["requestId"].to_string();
                    if let (true, Some(real)) =
                        (message["method"] == "serverRequest/resolved", requests.get(&id))
                    {
                        message["params"]["requestId"] = real.clone();
                    }
                }
                let lane = match self.bindings.fill_text(&lane) {
                    Ok(lane) => Some(lane),
                    Err(_) => lane_like(&recorded, &real),
                };
                self.ordered(&recorded, &lane.and_then(|lane| real.remove(&lane)).unwrap_or_default());
            }
            left.extend(real.into_values().flatten());
        }
        left.extend(real.into_values().flat_map(BTreeMap::into_values).flatten());
        // Answers were compared by id.
        for entry in left.into_iter().filter(|entry| !is_answer(&entry.message)) {
            self.note(&entry.name, What::Extra, "", shown(&entry.message));
        }
    }

    /// Sorts messages by thread, "" for none. Answers are part of a thread's order where ours promises it.
    fn by_thread(&self, segment: &Segment, messages: &[Value], is_recorded: bool) -> BTreeMap<String, Lanes> {
        let mut threads: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        let mut repeated = Repeated::default();
        for message in messages {
            let thread = if is_answer(message) {
                let id = id_of(message);
                if self.is_94 || segment.unsent.contains(&id) {
                    continue;
                }
                let Some(request) = segment.requests.get(&id) else { continue };
                // Reads run aside and may answer at any time.
                if is_read(&request.method) {
                    continue;
                }
                match (&request.thread, is_recorded) {
                    (Some(thread), true) => Some(thread.clone()),
                    (Some(thread), false) => self.bindings.fill_text(thread).ok(),
                    (None, _) => thread_of(message).map(str::to_owned),
                }
            } else if self.is_ignored(message)
                || message["method"] == "item/commandExecution/outputDelta"
                || client_output::is_output(message)
                || (self.is_94 && repeated.is_repeated(message))
            {
                continue;
            } else {
                thread_of(message).map(str::to_owned)
            };
            match thread {
                // An error of a request that names no thread has no place in any order.
                None if is_answer(message) => {}
                thread => threads.entry(thread.unwrap_or_default()).or_default().push(message.clone()),
            }
        }
        let calls = calls_of_requests(messages);
        threads.into_iter().map(|(thread, messages)| (thread, lanes(messages, &calls))).collect()
    }

    fn ordered(&mut self, recorded: &[Entry], real: &[Entry]) {
        let pairs = align(recorded.len(), real.len(), |a, b| {
            recorded[a].name == real[b].name && recorded[a].turns_over == real[b].turns_over
        });
        let (mut missing, mut extra) = (Vec::new(), Vec::new());
        for pair in pairs {
            match pair {
                (Some(a), Some(b)) => {
                    if !is_answer(&recorded[a].message) {
                        let rules = self.expectations.rules(self.is_94, "params");
                        let mismatches = self.bindings.compare(
                            &recorded[a].message["params"],
                            &real[b].message["params"],
                            &rules,
                        );
                        self.mismatches(&recorded[a].name, "params", mismatches);
                    }
                }
                (Some(a), None) => missing.push(a),
                (None, Some(b)) => extra.push(b),
                (None, None) => {}
            }
        }
        for a in missing {
            let name = &recorded[a].name;
            match extra.iter().position(|b| real[*b].name == *name) {
                Some(place) => {
                    let before = |entries: &[Entry], at: usize| {
                        at.checked_sub(1).map_or("the start".to_owned(), |at| entries[at].name.clone())
                    };
                    let b = extra.remove(place);
                    let detail =
                        format!("recorded after {}, came after {}", before(recorded, a), before(real, b));
                    self.note(name, What::Order, "", detail);
                }
                // A missing answer is told of where answers are compared.
                None if is_answer(&recorded[a].message) => {}
                None => self.note(name, What::Missing, "", shown(&recorded[a].message)),
            }
        }
        for b in extra {
            if !is_answer(&real[b].message) {
                self.note(&real[b].name, What::Extra, "", shown(&real[b].message));
            }
        }
    }

    /// Compares the model requests. Of 0.94's the whole form, as ours has it too; of 0.169's what the user said and was
    /// told, as its prompts are built otherwise. Of both what the model was told of its calls.
    pub(crate) fn model_requests(&mut self, recorded: &[Exchange], real: &[RecordedRequest]) {
        let mut real: Vec<&RecordedRequest> =
            real.iter().filter(|request| request.method == "POST").collect();
        // When agents ask is theirs to choose.
        real.sort_by_key(|request| request.header("x-openai-subagent") == Some(AGENT));
        // Backends besides the model are not asked the same.
        let is_for_model = |exchange: &&Exchange| {
            let path = exchange.request["path"].as_str().unwrap_or_default();
            path.ends_with("/responses")
        };
        let mut recorded: Vec<&Exchange> = recorded.iter().filter(is_for_model).collect();
        recorded.sort_by_key(|exchange| exchange.request["headers"]["x-openai-subagent"] == AGENT);
        self.outputs(
            &outputs(recorded.iter().map(|exchange| &exchange.request["body"])),
            &outputs(real.iter().map(|request| &request.body)),
        );
        for request in real.iter().skip(recorded.len()) {
            self.note("model request", What::Extra, "", shown(&request.body["input"]));
        }
        for (index, recorded) in recorded.iter().enumerate() {
            let body = &recorded.request["body"];
            match real.get(index) {
                None => self.note("model request", What::Missing, "", format!("request {index}")),
                Some(real) if self.is_94 => self.model_request(body, &real.body),
                Some(real) => {
                    let (recorded, real) = (said(&self.bindings, body), said(&self.bindings, &real.body));
                    if !said_fits(&recorded, &real) {
                        let detail = format!("request {index}: recorded {recorded:?}, got {real:?}");
                        self.note("model request", What::Field, "input", detail);
                    }
                }
            }
        }
    }

    /// Compares the outputs of calls, each where the model was first told of it.
    fn outputs(&mut self, recorded: &BTreeMap<String, Output>, real: &BTreeMap<String, Output>) {
        const AT: &str = "model request";
        for (call, recorded) in recorded {
            let path = format!("output {call}");
            let Some(real) = real.get(call) else {
                self.note(AT, What::Missing, &path, shown(&recorded.item));
                continue;
            };
            if recorded.request != real.request {
                let detail = format!("recorded in request {}, came in {}", recorded.request, real.request);
                self.note(AT, What::Order, &path, detail);
            }
            let fits = recorded.item["type"] == real.item["type"]
                && self
                    .bindings
                    .compare(&recorded.item["output"], &real.item["output"], &AllFields)
                    .is_empty();
            if !fits {
                let detail = format!("recorded {}, got {}", shown(&recorded.item), shown(&real.item));
                self.note(AT, What::Field, &path, detail);
            }
        }
        for (call, real) in real.iter().filter(|(call, _)| !recorded.contains_key(*call)) {
            self.note(AT, What::Extra, &format!("output {call}"), shown(&real.item));
        }
    }

    /// Compares what was left on disk, where that was recorded.
    pub(crate) fn files(&mut self, transcript: &Transcript, home: &TempHome) -> anyhow::Result<()> {
        if let Some(recorded) = &transcript.files_after {
            let mut real = BTreeMap::new();
            collect_files(&home.work(), &home.work(), &mut real)?;
            let names: BTreeSet<&String> = recorded.keys().chain(real.keys()).collect();
            for name in names {
                let (recorded, real) = (recorded.get(name), real.get(name));
                if recorded != real {
                    self.note("files", What::Field, name, format!("recorded {recorded:?}, got {real:?}"));
                }
            }
        }
        if let Some(recorded) = &transcript.config_after {
            let recorded = self.bindings.fill_text(recorded).unwrap_or_else(|_| recorded.clone());
            let real = fs::read_to_string(home.home().join("config.toml"))?;
            if recorded.trim_end() != real.trim_end() {
                let detail = format!("recorded\n{recorded}\ngot\n{real}");
                self.note("files", What::Field, "config.toml", detail);
            }
        }
        Ok(())
    }

    fn model_request(&mut self, recorded: &Value, real: &Value) {
        let keys = |body: &Value| -> BTreeSet<String> {
            body.as_object().map(|body| body.keys().cloned().collect()).unwrap_or_default()
        };
        let (recorded_keys, real_keys) = (keys(recorded), keys(real));
        for key in recorded_keys.difference(&real_keys) {
            self.note("model request", What::Missing, key, shown(&recorded[key]));
        }
        for key in real_keys.difference(&recorded_keys) {
            self.note("model request", What::Extra, key, shown(&real[key]));
        }
        for (key, recorded) in recorded.as_object().into_iter().flatten() {
            // Prompts are ours, and tools come in a later stage.
            if matches!(key.as_str(), "instructions" | "tools" | "input") || real.get(key).is_none() {
                continue;
            }
            let mismatches = self.bindings.compare(recorded, &real[key], &AllFields);
            self.mismatches("model request", key, mismatches);
        }
        let none = Vec::new();
        let recorded = recorded["input"].as_array().unwrap_or(&none);
        let real = real["input"].as_array().unwrap_or(&none);
        let bindings = &mut self.bindings;
        let fits: Vec<Vec<bool>> = recorded
            .iter()
            .map(|recorded| real.iter().map(|real| input_fits(bindings, recorded, real)).collect())
            .collect();
        for pair in align(recorded.len(), real.len(), |a, b| fits[a][b]) {
            match pair {
                (Some(a), None) => {
                    let path = format!("input {}", outline(&recorded[a]));
                    self.note("model request", What::Missing, &path, shown(&recorded[a]));
                }
                (None, Some(b)) => {
                    let path = format!("input {}", outline(&real[b]));
                    self.note("model request", What::Extra, &path, shown(&real[b]));
                }
                _ => {}
            }
        }
    }
}

/// What the model was told of a call.
struct Output {
    /// The first request that tells it.
    request: usize,
    item: Value,
}

fn outputs<'a>(bodies: impl Iterator<Item = &'a Value>) -> BTreeMap<String, Output> {
    let mut outputs = BTreeMap::new();
    for (request, body) in bodies.enumerate() {
        for item in body["input"].as_array().into_iter().flatten() {
            if item["type"].as_str().is_some_and(|kind| kind.ends_with("_output")) {
                let call = item["call_id"].as_str().unwrap_or_default().to_owned();
                outputs.entry(call).or_insert_with(|| Output { request, item: without_times(item.clone()) });
            }
        }
    }
    outputs
}

/// Replaces the times that the recordings kept.
fn without_times(mut item: Value) -> Value {
    if let Some(text) = item["output"].as_str() {
        let mut text = text.to_owned();
        for before in ["\"duration_seconds\":", "timed out after "] {
            if let Some(start) = text.find(before).map(|at| at + before.len()) {
                let is_end = |c: char| !c.is_ascii_digit() && c != '.';
                let end = text[start..].find(is_end).map_or(text.len(), |length| start + length);
                text.replace_range(start..end, "0");
            }
        }
        item["output"] = text.into();
    }
    item
}

fn collect_files(folder: &Path, root: &Path, found: &mut BTreeMap<String, String>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            if path.ends_with(".git") {
                continue;
            }
            collect_files(&path, root, found)?;
        } else {
            let name = path.strip_prefix(root)?.to_string_lossy().into_owned();
            found.insert(name, String::from_utf8_lossy(&fs::read(&path)?).into_owned());
        }
    }
    Ok(())
}

struct AllFields;

impl Rules for AllFields {
    fn field(&self, _path: &str) -> Care {
        Care::Full
    }

    fn may_be_extra(&self, _path: &str) -> bool {
        false
    }
}

fn is_read(method: &str) -> bool {
    method.ends_with("/read") || method.ends_with("/list") || method.ends_with("List")
}

/// Names an input item by role and the kinds of its contents.
fn outline(item: &Value) -> String {
    let kind = item["type"].as_str().unwrap_or("message");
    let contents: Vec<String> = contents(item)
        .iter()
        .map(|content| match content["text"].as_str() {
            Some(text) => outer_tag(text).unwrap_or("text").to_owned(),
            None => content["type"].as_str().unwrap_or_default().to_owned(),
        })
        .collect();
    match item["role"].as_str() {
        Some(role) => format!("{role} {}", contents.join(", ")),
        None => kind.to_owned(),
    }
}

fn contents(item: &Value) -> &[Value] {
    item["content"].as_array().map_or(&[], Vec::as_slice)
}

/// Returns the tag a prompt block has, be it recorded or real.
fn outer_tag(text: &str) -> Option<&str> {
    if text.starts_with("# AGENTS.md instructions") {
        return Some("AGENTS.md");
    }
    let inner = text.strip_prefix('<')?.split('>').next()?;
    Some(inner.strip_prefix("text:").unwrap_or(inner))
}

fn input_fits(bindings: &mut Bindings, recorded: &Value, real: &Value) -> bool {
    let kind = |item: &Value| item["type"].as_str().unwrap_or("message").to_owned();
    let mut fits = kind(recorded) == kind(real)
        && recorded["role"] == real["role"]
        && recorded["call_id"] == real["call_id"]
        && contents(recorded).len() == contents(real).len();
    for (recorded, real) in contents(recorded).iter().zip(contents(real)) {
        fits = fits && content_fits(bindings, recorded, real);
    }
    fits
}

fn content_fits(bindings: &mut Bindings, recorded: &Value, real: &Value) -> bool {
    if recorded["type"] != real["type"] {
        return false;
    }
    let (Some(recorded), Some(text)) = (recorded["text"].as_str(), real["text"].as_str()) else {
        return recorded["image_url"] == real["image_url"];
    };
    match recorded.strip_prefix("<text:").and_then(|tag| tag.strip_suffix('>')) {
        // Attributes may follow the tag's name.
        Some(tag) => {
            outer_tag(text).is_some_and(|outer| outer == tag || outer.starts_with(&format!("{tag} ")))
        }
        None => is_free_text(recorded) || bindings.text_fits(recorded, &real["text"]),
    }
}

/// Returns the texts of the conversation proper: those of the user and the assistant that are no prompt blocks. Wording
/// that was not kept stays as `<text>`.
fn said(bindings: &Bindings, body: &Value) -> Vec<String> {
    let items = body["input"].as_array().map_or(&[][..], Vec::as_slice);
    items
        .iter()
        .filter(|item| matches!(item["role"].as_str(), Some("user" | "assistant")))
        .flat_map(contents)
        .filter_map(|content| content["text"].as_str())
        .filter(|text| *text == "<text>" || outer_tag(text).is_none())
        .map(|text| bindings.fill_text(text).unwrap_or_else(|_| text.to_owned()))
        .collect()
}

/// Wording that was not kept may be anything, or nothing.
fn said_fits(recorded: &[String], real: &[String]) -> bool {
    match (recorded.split_first(), real.split_first()) {
        (None, None) => true,
        (Some((first, recorded_rest)), _) if first == "<text>" => {
            said_fits(recorded_rest, real)
                || real.split_first().is_some_and(|(_, real_rest)| said_fits(recorded_rest, real_rest))
        }
        (Some((first, recorded_rest)), Some((real_first, real_rest))) => {
            first == real_first && said_fits(recorded_rest, real_rest)
        }
        _ => false,
    }
}

/// Pairs two lists so that as many as possible fit, in order; what has no partner stands alone.
fn align(
    left: usize,
    right: usize,
    fits: impl Fn(usize, usize) -> bool,
) -> Vec<(Option<usize>, Option<usize>)> {
    // best[a][b]: the most pairs of what follows a and b.
    let mut best = vec![vec![0_u32; right + 1]; left + 1];
    for a in (0..left).rev() {
        for b in (0..right).rev() {
            best[a][b] = if fits(a, b) { best[a + 1][b + 1] + 1 } else { best[a + 1][b].max(best[a][b + 1]) };
        }
    }
    let (mut a, mut b) = (0, 0);
    let mut pairs = Vec::new();
    while a < left || b < right {
        if a < left && b < right && fits(a, b) {
            pairs.push((Some(a), Some(b)));
            (a, b) = (a + 1, b + 1);
        } else if b == right || (a < left && best[a + 1][b] >= best[a][b + 1]) {
            pairs.push((Some(a), None));
            a += 1;
        } else {
            pairs.push((None, Some(b)));
            b += 1;
        }
    }
    pairs
}
