//! Plays a recording against a server: the client's lines as soon as what the client could wait for has come, the
//! model's answers in order.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use app_server_test_support::transcript::{Bindings, Step, Transcript, Unknown, thread_of};
use app_server_test_support::{
    Answer, BlockingMockModel, Connection, Gate, LoginPorts, RecordedRequest, TempHome, running_session,
};
use serde_json::{Value, json};

use crate::client_output::{self, Said};
use crate::compare::{
    Comparison, Segment, SentRequest, call_of, id_of, is_answer, is_server_request, name_of, paired_requests,
};
use crate::expectations::{Difference, Expectations, Hold, What};

/// How long a recorded message is waited for. Once one has not come, the recording has failed and the rest need not be
/// waited for that long.
const PATIENCE: Duration = Duration::from_secs(10);
const PATIENCE_LOST: Duration = Duration::from_millis(300);

/// What the recordings' tokens said: user@example.com of acct-1, on the plan pro. `alg` is none.
const TOKEN: &str = concat!(
    "eyJhbGciOiJub25lIn0.",
    "eyJlbWFpbCI6InVzZXJAZXhhbXBsZS5jb20iLCJodHRwczovL2FwaS5vcGVuYWkuY29tL2F1dGgiOnsiY2hhdGdwdF",
    "9wbGFuX3R5cGUiOiJwcm8iLCJjaGF0Z3B0X3VzZXJfaWQiOiJ1c2VyLTEiLCJjaGF0Z3B0X2FjY291bnRfaWQiOiJh",
    "Y2N0LTEifX0",
    ".sig"
);

/// The server that is tested.
pub(crate) struct Candidate {
    pub(crate) program: Vec<String>,
    /// Where homes are made, if not in the system's temporary folder.
    pub(crate) base: Option<PathBuf>,
}

/// How the requests of agents are marked.
pub(crate) const AGENT: &str = "collab_spawn";

/// Each opens when the request with its id is answered.
type Gates = Vec<(String, Gate)>;

/// What the server asks until it is started again, and what the client answers, both as recorded.
#[derive(Default)]
struct Questions {
    asked: Vec<Value>,
    /// By the recorded id.
    answers: BTreeMap<String, Value>,
    answered: BTreeSet<String>,
}

impl Questions {
    fn of(steps: &[Step]) -> Self {
        let mut questions = Self::default();
        let is_restart = |(index, step): &(usize, &Step)| *index > 0 && **step == Step::Restarted;
        for (_, step) in steps.iter().enumerate().take_while(|step| !is_restart(step)) {
            match step {
                Step::Server(message) if is_server_request(message) => questions.asked.push(message.clone()),
                Step::Client(message) if is_answer(message) => {
                    questions.answers.insert(id_of(message), message.clone());
                }
                _ => {}
            }
        }
        questions
    }
}

/// The command line of a recording's server.
fn program(candidate: &Candidate, comparison: &Comparison<'_>) -> Vec<String> {
    let setups = comparison.expectations.setups(comparison.name);
    candidate.program.iter().chain(setups.flat_map(|setup| &setup.arguments)).cloned().collect()
}

struct Replay<'a> {
    candidate: &'a Candidate,
    transcript: &'a Transcript,
    comparison: Comparison<'a>,
    home: TempHome,
    server: Connection,
    segment: Segment,
    questions: Questions,
    gates: Gates,
    patience: Duration,
}

/// Plays a recording and returns the differences, listed or not.
pub(crate) fn replay(
    name: &str,
    transcript: &Transcript,
    expectations: &Expectations,
    candidate: &Candidate,
) -> anyhow::Result<Vec<Difference>> {
    let is_94 = name.starts_with("94/");
    let takes_ports = expectations.setups(name).any(|setup| setup.takes_login_ports);
    let _ports = takes_ports.then(LoginPorts::take);
    let home = candidate.base.as_deref().map_or_else(TempHome::new, TempHome::within)?;
    let mut bindings = Bindings::default();
    let text = |path: &Path| path.to_string_lossy().into_owned();
    bindings.define("<work>", text(&home.work()));
    bindings.define("<home>", text(&home.home()));
    bindings.define("<base>", text(home.base()));
    let holds: Vec<Hold> = expectations.setups(name).filter_map(|setup| setup.hold).collect();
    let (mut answers, gates) = answers(transcript, &holds, &bindings)?;
    let model = BlockingMockModel::start_with(move |request| match next_answer(&mut answers, request) {
        // What can be played was found out before.
        Some(planned) => planned.answer_to(request).unwrap_or_else(|_| Answer::hang_up()),
        None => Answer::json(400, &json!({"error": {"message": "the recording has no answer left"}})),
    });
    let is_unreachable = expectations.setups(name).any(|setup| setup.model_is_unreachable);
    let port = if is_unreachable { unused_port()? } else { model.model().port() };
    bindings.define("<port>", port.to_string());
    bindings.define("<jwt>", TOKEN);
    for page in expectations.setups(name).flat_map(|setup| &setup.pages) {
        model.model().route(&page.path, Answer::json(200, &serde_json::from_str(&page.json)?));
    }
    let comparison = Comparison { name, is_94, expectations, bindings, differences: Vec::new() };
    prepare(&comparison, &home)?;
    write_config(&comparison, transcript, &home, true)?;

    let server = Connection::spawn(&program(candidate, &comparison), &home, &[])?;
    let mut replay = Replay {
        candidate,
        transcript,
        comparison,
        home,
        server,
        segment: Segment::default(),
        questions: Questions::default(),
        gates,
        patience: PATIENCE,
    };
    let steps = without_unasked(transcript, name, expectations);
    replay.questions = Questions::of(&steps);
    for (index, step) in steps.iter().enumerate() {
        replay.step(step)?;
        if *step == Step::Restarted {
            replay.questions = Questions::of(&steps[index..]);
        }
    }
    replay.end_segment()?;
    let mut comparison = replay.comparison;
    comparison.model_requests(&transcript.exchanges, &model.model().requests());
    comparison.files(transcript, &replay.home)?;
    Ok(comparison.differences)
}

/// Leaves out the questions that ours does not ask, with their answers.
fn without_unasked(transcript: &Transcript, name: &str, expectations: &Expectations) -> Vec<Step> {
    let is_unasked = |call: &str| expectations.setups(name).any(|setup| setup.unasked_calls.contains(call));
    let mut unasked = BTreeSet::new();
    for step in &transcript.steps {
        if let Step::Server(message) = step
            && is_server_request(message)
            && is_unasked(call_of(message))
        {
            unasked.insert(id_of(message));
        }
    }
    let is_about_unasked = |step: &Step| match step {
        Step::Server(message) if message["method"] == "serverRequest/resolved" => {
            unasked.contains(&message["params"]["requestId"].to_string())
        }
        Step::Server(message) => is_server_request(message) && unasked.contains(&id_of(message)),
        Step::Client(message) => is_answer(message) && unasked.contains(&id_of(message)),
        _ => false,
    };
    transcript.steps.iter().filter(|step| !is_about_unasked(step)).cloned().collect()
}

/// Takes the next answer, for an agent's request the next to an agent: they ask beside the thread that began them.
fn next_answer(answers: &mut VecDeque<Planned>, request: &RecordedRequest) -> Option<Planned> {
    let is_agent = request.header("x-openai-subagent") == Some(AGENT);
    let at = answers.iter().position(|planned| planned.is_for_agent == is_agent);
    answers.remove(at.unwrap_or(0))
}

/// An answer to come.
struct Planned {
    message: Value,
    is_for_agent: bool,
    /// The events after a gate.
    held: Option<(Gate, Vec<Value>)>,
    hangs: bool,
}

impl Planned {
    fn answer_to(&self, request: &RecordedRequest) -> anyhow::Result<Answer> {
        let mut message = self.message.clone();
        if let Some(session) = running_session(&request.body) {
            name_session(&mut message, session);
        }
        if let Some(agent) = begun_agent(&request.body) {
            name_agent(&mut message, &agent);
        }
        let mut answer = Answer::from_transcript(&message)?;
        if let Some((gate, held)) = &self.held {
            answer = answer.gate(gate).and(held.iter().cloned());
        }
        Ok(if self.hangs { answer.hang() } else { answer })
    }
}

/// Makes the answers without the recording's pauses: where one mattered, the model is held.
fn answers(
    transcript: &Transcript,
    holds: &[Hold],
    bindings: &Bindings,
) -> anyhow::Result<(VecDeque<Planned>, Gates)> {
    let mut answers = VecDeque::new();
    let mut gates = Vec::new();
    for (index, exchange) in transcript.exchanges.iter().enumerate() {
        // What stands for a value nobody knows yet is not a placeholder here.
        let mut message = bindings.fill(&exchange.answer).unwrap_or_else(|_| exchange.answer.clone());
        let Some(members) = message.as_object_mut() else { continue };
        members.remove("delay");
        let hangs = members.remove("hang").is_some();
        let mut held = None;
        let hold = holds.iter().find(|hold| hold.answer == index);
        if let (Some(hold), Some(Value::Array(events))) = (hold, members.get_mut("events")) {
            let mut events = events.split_off(hold.before_event);
            if hold.drop_event {
                events.remove(0);
            }
            let gate = Gate::new();
            gates.push((hold.until_answered.to_string(), gate.clone()));
            held = Some((gate, events));
        }
        Answer::from_transcript(&message)?;
        let is_for_agent = exchange.request["headers"]["x-openai-subagent"] == AGENT;
        answers.push_back(Planned { message, is_for_agent, held, hangs });
    }
    Ok((answers, gates))
}

/// Puts the number of the running session into the calls that write to one: the recorded number was another run's.
fn name_session(answer: &mut Value, session: u64) {
    for event in answer["events"].as_array_mut().into_iter().flatten() {
        let item = &mut event["item"];
        if item["name"] == "write_stdin"
            && let Some(mut arguments) =
                item["arguments"].as_str().and_then(|text| serde_json::from_str::<Value>(text).ok())
        {
            arguments["session_id"] = session.into();
            item["arguments"] = arguments.to_string().into();
        }
    }
}

/// Returns the id of the last agent the model was told it had begun.
fn begun_agent(body: &Value) -> Option<String> {
    let outputs = body["input"].as_array()?.iter().rev().filter_map(|item| item["output"].as_str());
    let mut outputs = outputs.filter_map(|output| serde_json::from_str::<Value>(output).ok());
    outputs.find_map(|output| Some(output["agent_id"].as_str()?.to_owned()))
}

/// Puts the id of the agent into the calls that wait for one: the recorded one was another run's.
fn name_agent(answer: &mut Value, agent: &str) {
    for event in answer["events"].as_array_mut().into_iter().flatten() {
        let item = &mut event["item"];
        if item["name"] == "wait_agent"
            && let Some(mut arguments) =
                item["arguments"].as_str().and_then(|text| serde_json::from_str::<Value>(text).ok())
        {
            arguments["targets"] = json!([agent]);
            item["arguments"] = arguments.to_string().into();
        }
    }
}

/// Writes the configuration: the recording's, with what its first server had and what it needs here.
fn write_config(
    comparison: &Comparison<'_>,
    transcript: &Transcript,
    home: &TempHome,
    is_first: bool,
) -> anyhow::Result<()> {
    let unknown = |unknown: Unknown| anyhow::anyhow!("{} has no value", unknown.0);
    let mut config = comparison.bindings.fill_text(&transcript.config).map_err(unknown)?;
    for setup in comparison.expectations.setups(comparison.name) {
        for [first, kept] in setup.until_restart.iter().filter(|_| is_first) {
            config = config.replace(kept, first);
        }
        config.push_str(&setup.config);
    }
    Ok(home.write_config(&config)?)
}

/// Writes the files the recording needs.
fn prepare(comparison: &Comparison<'_>, home: &TempHome) -> anyhow::Result<()> {
    let unknown = |unknown: Unknown| anyhow::anyhow!("{} has no value", unknown.0);
    for file in comparison.expectations.setups(comparison.name).flat_map(|setup| &setup.files) {
        let path = PathBuf::from(comparison.bindings.fill_text(&file.path).map_err(unknown)?);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        if file.is_mcp_server {
            fs::copy(app_server_test_support::mcp::stdio_server(), path)?;
            continue;
        }
        let text = comparison.bindings.fill_text(&file.text).map_err(unknown)?;
        fs::write(path, file.bytes.as_deref().unwrap_or(text.as_bytes()))?;
    }
    if comparison.expectations.setups(comparison.name).any(|setup| setup.is_repository) {
        make_repository(home)?;
    }
    Ok(())
}

/// Commits the project folder, whatever the machine's git settings are.
fn make_repository(home: &TempHome) -> anyhow::Result<()> {
    for arguments in [
        &["init", "--quiet", "--initial-branch=main"][..],
        &["add", "."],
        &["-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "--quiet", "--message=one"],
    ] {
        let status = Command::new("git")
            .args(arguments)
            .current_dir(home.work())
            .env("HOME", home.base())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .status()?;
        anyhow::ensure!(status.success(), "git {arguments:?} failed");
    }
    Ok(())
}

fn unused_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

impl Replay<'_> {
    fn step(&mut self, step: &Step) -> anyhow::Result<()> {
        match step {
            Step::Server(message) => {
                self.segment.recorded.push(message.clone());
                self.open_gates(message);
            }
            Step::ClientRaw(raw) => {
                self.settle();
                self.note_request(&serde_json::from_str(raw).unwrap_or_default());
                self.server.send_line(raw.as_bytes())?;
            }
            Step::Client(message) => {
                self.settle();
                self.send(message)?;
            }
            Step::Restarted => {
                self.end_segment()?;
                write_config(&self.comparison, self.transcript, &self.home, false)?;
                let program = program(self.candidate, &self.comparison);
                self.server = Connection::spawn(&program, &self.home, &[])?;
            }
        }
        Ok(())
    }

    fn send(&mut self, message: &Value) -> anyhow::Result<()> {
        let id = id_of(message);
        let at = message["method"].as_str().unwrap_or("answer").to_owned();
        let Comparison { name, expectations, .. } = self.comparison;
        if expectations
            .setups(name)
            .any(|setup| message["id"].as_i64().is_some_and(|id| setup.unsent_requests.contains(&id)))
        {
            self.segment.unsent.insert(id);
            return Ok(());
        }
        self.wait_for_model(&id);
        if is_answer(message) {
            return self.reply(&id);
        }
        match self.comparison.bindings.fill(message) {
            Ok(mut filled) => {
                for setup in expectations.setups(name) {
                    for (key, value) in setup.added_params.get(&at).into_iter().flatten() {
                        filled["params"][key] = value.clone();
                    }
                }
                self.note_request(message);
                self.server.send_line(filled.to_string().as_bytes())?;
            }
            Err(Unknown(placeholder)) => {
                self.comparison.note(&at, What::Unsent, "", format!("id {id}: {placeholder} is not known"));
                self.segment.unsent.insert(id);
            }
        }
        Ok(())
    }

    /// Gives the recorded answer to a question. A server that asks one thing after the other may ask in another order
    /// than was recorded, so what it asks first is answered first. The comparison tells of a question that never comes.
    fn reply(&mut self, recorded_id: &str) -> anyhow::Result<()> {
        while !self.questions.answered.contains(recorded_id) {
            let Questions { asked, answers, answered } = &self.questions;
            let bindings = &self.comparison.bindings;
            let asked_now = self.server.wait_within(self.patience, |real| {
                let pairs = paired_requests(asked, real, bindings);
                let own = pairs.get_key_value(recorded_id);
                let is_open = |id: &String| !answered.contains(id) && answers.contains_key(id);
                let (id, real_id) = own.or_else(|| pairs.iter().find(|(id, _)| is_open(id)))?;
                Some((id.clone(), real_id.clone()))
            });
            let Ok((id, real_id)) = asked_now else { return Ok(()) };
            if let Ok(mut answer) = bindings.fill(&answers[&id]) {
                answer["id"] = real_id;
                self.server.send_line(answer.to_string().as_bytes())?;
            }
            self.questions.answered.insert(id);
        }
        Ok(())
    }

    fn note_request(&mut self, message: &Value) {
        if let (Some(method), Some(_)) = (message["method"].as_str(), message.get("id")) {
            let request =
                SentRequest { method: method.to_owned(), thread: thread_of(message).map(str::to_owned) };
            self.segment.requests.insert(id_of(message), request);
        }
    }

    /// Waits until the model is held, if it is held for the answer to this request: the turn must run by then.
    fn wait_for_model(&self, id: &str) {
        if let Some((_, gate)) = self.gates.iter().find(|(held_for, _)| held_for == id)
            && let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_time().build()
        {
            // If the server never asks the model, the comparison tells so.
            let _ = runtime.block_on(async { tokio::time::timeout(self.patience, gate.reached()).await });
        }
    }

    /// Lets the model go on once the answer it waited for has come.
    fn open_gates(&mut self, recorded: &Value) {
        if is_answer(recorded)
            && let Some(place) = self.gates.iter().position(|(id, _)| *id == id_of(recorded))
        {
            let (id, gate) = self.gates.remove(place);
            let _ = self.server.wait_within(self.patience, |real| {
                real.iter().any(|real| is_answer(real) && id_of(real) == id).then_some(())
            });
            gate.open();
        }
    }

    /// Waits until everything recorded so far has come, then learns the ids in the answers. What does not come is told
    /// of by the comparison.
    fn settle(&mut self) {
        let due: BTreeMap<String, usize> = count(
            self.segment
                .recorded
                .iter()
                .filter(|message| is_answer(message) && !self.segment.unsent.contains(&id_of(message)))
                .filter(|message| !self.is_listed_missing(message))
                .map(id_of),
        );
        let has_answers = self.server.wait_within(self.patience, |real| {
            let came = count(real.iter().filter(|message| is_answer(message)).map(id_of));
            due.iter().all(|(id, due)| came.get(id).unwrap_or(&0) >= due).then_some(())
        });
        self.learn();
        let due = self.due_notifications();
        let has_notifications = self.server.wait_within(self.patience, |real| {
            let came =
                count(real.iter().filter_map(|message| notification_key(message, |id| Some(id.to_owned()))));
            due.iter().all(|(key, due)| came.get(key).unwrap_or(&0) >= due).then_some(())
        });
        let due = client_output::said(&self.segment.recorded);
        let has_output = self.server.wait_within(self.patience, |real| {
            let came = client_output::said(real);
            let has_come =
                |key, due: &Said| came.get(key).is_some_and(|came| came.bytes.len() >= due.bytes.len());
            due.iter().all(|(key, due)| has_come(key, due)).then_some(())
        });
        if has_answers.is_err() || has_notifications.is_err() || has_output.is_err() {
            self.patience = PATIENCE_LOST;
        }
    }

    fn is_listed_missing(&self, recorded: &Value) -> bool {
        let at = match self.segment.requests.get(&id_of(recorded)) {
            Some(request) if is_answer(recorded) => request.method.clone(),
            _ => name_of(recorded),
        };
        self.comparison.expectations.is_missing(self.comparison.name, &at)
    }

    fn learn(&mut self) {
        let real = self.server.messages();
        for recorded in self.segment.recorded.iter().filter(|message| is_answer(message)) {
            let Some(real) = real.iter().find(|real| is_answer(real) && id_of(real) == id_of(recorded))
            else {
                continue;
            };
            self.comparison.bindings.learn(recorded, real);
        }
    }

    /// Counts the recorded notifications that must come, by real thread and name.
    fn due_notifications(&self) -> BTreeMap<(String, String), usize> {
        let recorded = self.segment.recorded.iter().filter(|message| {
            !self.comparison.is_ignored(message)
                && !may_be_left_out(message)
                && !self.is_listed_missing(message)
        });
        let fill = |id: &str| self.comparison.bindings.fill_text(id).ok();
        let mut due = count(recorded.filter_map(|message| notification_key(message, fill)));
        for ((_, name), due) in &mut due {
            // Deltas may be merged, and what is unchanged need not be told again.
            let may_be_fewer = ["turn/diff/updated", "thread/status/changed:active"].contains(&name.as_str());
            if may_be_fewer || name.to_ascii_lowercase().ends_with("delta") {
                *due = 1;
            }
        }
        due
    }

    fn end_segment(&mut self) -> anyhow::Result<()> {
        self.settle();
        self.server.close_input();
        match self.server.wait_exit(PATIENCE) {
            Ok(status) if status.success() => {}
            Ok(status) => self.comparison.note("exit", What::Exit, "", status.to_string()),
            Err(error) => self.comparison.note("exit", What::Exit, "", error.to_string()),
        }
        self.segment.real = self.server.messages();
        for line in self.server.garbage() {
            self.comparison.note("stdout", What::Extra, "", line);
        }
        let segment = std::mem::take(&mut self.segment);
        self.comparison.segment(&segment);
        Ok(())
    }
}

/// Which output a command shows while it runs is compared at its end. That of the client's is waited for by itself.
fn may_be_left_out(message: &Value) -> bool {
    message["method"] == "item/commandExecution/outputDelta" || client_output::is_output(message)
}

fn count<T: Ord>(keys: impl Iterator<Item = T>) -> BTreeMap<T, usize> {
    let mut counts = BTreeMap::new();
    for key in keys {
        *counts.entry(key).or_default() += 1;
    }
    counts
}

/// Returns thread and name of a notification, none of a thread that is not known.
fn notification_key(message: &Value, real_id: impl Fn(&str) -> Option<String>) -> Option<(String, String)> {
    if is_answer(message) {
        return None;
    }
    let thread = real_id(thread_of(message).unwrap_or_default())?;
    Some((thread, name_of(message)))
}
