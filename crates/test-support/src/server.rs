//! A server under test as a client sees it: lines in, lines out, an exit. It knows JSON-RPC's members and no product
//! type, so any server binary can stand behind it.
//!
//! [`Connection`] keeps everything that was received and lets a test wait for a fact. [`TestServer`] reads one message
//! after the other and fails the test for whatever was left unread or answered wrongly.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::home::TempHome;

/// How long a test waits for what must come. Long, as a loaded machine is no failure; it bounds hangs only.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often the end of the process is looked for: the one thing that cannot be waited for with a limit.
const EXIT_POLL: Duration = Duration::from_millis(2);

#[derive(Debug, Default)]
struct Log {
    messages: Vec<Value>,
    /// Lines that are not JSON; a server must never write one.
    garbage: Vec<String>,
    is_paused: bool,
    is_given_up: bool,
    is_ended: bool,
}

#[derive(Debug, Default)]
struct SharedLog {
    log: Mutex<Log>,
    changed: Condvar,
}

impl SharedLog {
    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, change: impl FnOnce(&mut Log)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    /// Reads lines until the output ends, and none while paused.
    fn read_all(&self, output: impl Read) {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        loop {
            let mut log = self.lock();
            while log.is_paused {
                log = self.changed.wait(log).unwrap_or_else(PoisonError::into_inner);
            }
            if log.is_given_up {
                break;
            }
            drop(log);
            line.clear();
            if !matches!(output.read_until(b'\n', &mut line), Ok(read) if read > 0) {
                break;
            }
            match serde_json::from_slice(&line) {
                Ok(message) => self.update(|log| log.messages.push(message)),
                Err(_) => self.update(|log| log.garbage.push(String::from_utf8_lossy(&line).into_owned())),
            }
        }
        drop(output);
        self.update(|log| log.is_ended = true);
    }
}

/// A running server process and all it has written so far. Dropping it kills the process.
#[derive(Debug)]
pub struct Connection {
    child: Child,
    stdin: Option<ChildStdin>,
    received: Arc<SharedLog>,
    reader: Option<thread::JoinHandle<()>>,
    stderr: PathBuf,
}

impl Connection {
    /// Starts `program` with its arguments for `home`: in the project folder, with nothing in the environment but
    /// `CODEX_HOME`, `HOME`, `PATH` and `env`; stderr goes to a file beside the home.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(program: &[String], home: &TempHome, env: &[(&str, &str)]) -> anyhow::Result<Self> {
        let (name, arguments) = program.split_first().context("no program is given")?;
        let stderr = home.base().join("stderr.txt");
        let stderr_file = File::options().create(true).append(true).open(&stderr)?;
        let mut command = Command::new(name);
        command
            .args(arguments)
            .current_dir(home.work())
            .env_clear()
            .env("CODEX_HOME", home.home())
            .env("HOME", home.base())
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .envs(env.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr_file);
        let mut child = command.spawn().with_context(|| format!("{name} cannot be started"))?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().context("stdout is piped")?;
        let received = Arc::<SharedLog>::default();
        let reader = thread::spawn({
            let received = Arc::clone(&received);
            move || received.read_all(stdout)
        });
        Ok(Self { child, stdin, received, reader: Some(reader), stderr })
    }

    /// Writes one line.
    ///
    /// # Errors
    /// When the server does not read any more.
    pub fn send_line(&mut self, line: &[u8]) -> io::Result<()> {
        let stdin = self.stdin.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        // One write, so that a line is whole for whoever reads.
        let mut bytes = Vec::with_capacity(line.len() + 1);
        bytes.extend_from_slice(line);
        bytes.push(b'\n');
        stdin.write_all(&bytes)
    }

    /// Stops reading after the line being read, until [`Connection::resume_reading`].
    pub fn pause_reading(&self) {
        self.received.update(|log| log.is_paused = true);
    }

    /// Reads on.
    pub fn resume_reading(&self) {
        self.received.update(|log| log.is_paused = false);
    }

    /// Closes the server's stdout once the line being read has come, as a client that went away.
    pub fn give_up_reading(&self) {
        self.received.update(|log| log.is_given_up = true);
    }

    /// Returns everything received so far.
    pub fn messages(&self) -> Vec<Value> {
        self.received.lock().messages.clone()
    }

    /// Returns the lines that were not JSON.
    pub fn garbage(&self) -> Vec<String> {
        self.received.lock().garbage.clone()
    }

    /// Waits until `find` has found something in the messages received so far, not longer than `limit`. It is asked
    /// again for every new message.
    ///
    /// # Errors
    /// When the limit has passed, or the server's output has ended.
    pub fn wait_within<T>(
        &self,
        limit: Duration,
        mut find: impl FnMut(&[Value]) -> Option<T>,
    ) -> anyhow::Result<T> {
        let deadline = Instant::now() + limit;
        let mut log = self.received.lock();
        loop {
            if let Some(found) = find(&log.messages) {
                return Ok(found);
            }
            if log.is_ended {
                bail!("the server's output has ended");
            }
            let now = Instant::now();
            if now >= deadline {
                bail!("nothing came within {limit:?}; the last message is {:?}", log.messages.last());
            }
            log = self
                .received
                .changed
                .wait_timeout(log, deadline - now)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Closes the server's stdin.
    pub fn close_input(&mut self) {
        self.stdin = None;
    }

    /// Asks the process to end.
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn terminate(&self) -> anyhow::Result<()> {
        let status = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        anyhow::ensure!(status.success(), "the signal could not be sent");
        Ok(())
    }

    /// Ends the process without a chance to do anything.
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn kill(&mut self) -> io::Result<()> {
        self.child.kill()
    }

    /// Returns the id of the process.
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the end of the process and of its output.
    ///
    /// # Errors
    /// When it does not end within `limit`.
    pub fn wait_exit(&mut self, limit: Duration) -> anyhow::Result<ExitStatus> {
        let deadline = Instant::now() + limit;
        let status = loop {
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            if Instant::now() >= deadline {
                bail!("the server did not end within {limit:?}");
            }
            thread::sleep(EXIT_POLL);
        };
        self.resume_reading();
        if let Some(reader) = self.reader.take() {
            // The thread holds nothing that could panic but the allocator.
            let _ = reader.join();
        }
        Ok(status)
    }

    /// Returns what the server wrote to stderr so far, over all its starts in this home.
    pub fn stderr(&self) -> String {
        std::fs::read(&self.stderr)
            .map_or_else(|_| String::new(), |bytes| String::from_utf8_lossy(&bytes).into_owned())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // Both fail when the process is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client that answers for everything it received: when it is dropped, every message must have been taken and every
/// request must have had one answer, or the test fails.
#[derive(Debug)]
pub struct TestServer {
    connection: Connection,
    next_id: i64,
    /// How many messages were taken, by place in the log.
    taken: Vec<bool>,
    /// Answers still due, by id.
    due: BTreeMap<String, i64>,
    is_checked: bool,
}

impl TestServer {
    /// Starts `program` for `home`.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(program: impl AsRef<Path>, home: &TempHome) -> Self {
        Self::start_in(program, home, &[])
    }

    /// Starts `program` for `home` with more in its environment.
    ///
    /// # Panics
    /// When it cannot be started.
    #[allow(clippy::expect_used, reason = "a test without its server cannot go on")]
    pub fn start_in(program: impl AsRef<Path>, home: &TempHome, env: &[(&str, &str)]) -> Self {
        let program = [program.as_ref().to_string_lossy().into_owned()];
        let connection = Connection::spawn(&program, home, env).expect("the server starts");
        Self { connection, next_id: 0, taken: Vec::new(), due: BTreeMap::new(), is_checked: true }
    }

    /// Starts `program` for `home` and initializes the session, with the experimental API.
    pub fn initialized(program: impl AsRef<Path>, home: &TempHome) -> Self {
        Self::initialized_with(program, home, json!({"experimentalApi": true}))
    }

    /// Starts `program` for `home` and initializes the session with these capabilities.
    #[allow(clippy::needless_pass_by_value, reason = "`json!` makes values")]
    pub fn initialized_with(program: impl AsRef<Path>, home: &TempHome, capabilities: Value) -> Self {
        let mut server = Self::start(program, home);
        server.initialize(capabilities);
        server
    }

    /// Initializes the session with these capabilities.
    #[allow(clippy::needless_pass_by_value, reason = "`json!` makes values")]
    pub fn initialize(&mut self, capabilities: Value) {
        let client = json!({"name": "probe", "title": "Probe", "version": "0.1.0"});
        self.request("initialize", json!({"clientInfo": client, "capabilities": capabilities}));
        self.notify("initialized", Value::Null);
    }

    /// Returns the connection, for what is not about messages.
    pub fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Sends a raw line that gets no answer.
    ///
    /// # Panics
    /// When the server does not read any more.
    #[allow(clippy::expect_used, reason = "the test expects a server that reads")]
    pub fn send_raw(&mut self, line: impl AsRef<[u8]>) {
        self.connection.send_line(line.as_ref()).expect("the server reads");
    }

    /// Sends a notification; null params are left out.
    pub fn notify(&mut self, method: &str, params: Value) {
        let mut message = json!({"method": method});
        if !params.is_null() {
            message["params"] = params;
        }
        self.send_raw(message.to_string());
    }

    /// Sends a request with the next free id and returns the id.
    pub fn start_request(&mut self, method: &str, params: Value) -> Value {
        let id = json!(self.next_id);
        self.next_id += 1;
        self.start_request_as(id.clone(), method, params);
        id
    }

    /// Sends a request with an id of the test's choice.
    #[allow(clippy::needless_pass_by_value, reason = "`json!` makes values")]
    pub fn start_request_as(&mut self, id: Value, method: &str, params: Value) {
        *self.due.entry(id.to_string()).or_default() += 1;
        self.send_raw(json!({"method": method, "id": id, "params": params}).to_string());
    }

    /// Takes the answer to a request: the whole message.
    pub fn answer(&mut self, id: &Value) -> Value {
        self.take_where(&format!("the answer to {id}"), |message| {
            message.get("method").is_none() && message.get("id") == Some(id)
        })
    }

    /// Sends a request and returns its result.
    ///
    /// # Panics
    /// When it is answered with an error.
    pub fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.start_request(method, params);
        let mut answer = self.answer(&id);
        assert!(answer.get("result").is_some(), "{method} failed: {answer}");
        answer["result"].take()
    }

    /// Sends a request and returns its error.
    ///
    /// # Panics
    /// When it is answered with a result.
    pub fn request_error(&mut self, method: &str, params: Value) -> Value {
        let id = self.start_request(method, params);
        let mut answer = self.answer(&id);
        assert!(answer.get("error").is_some(), "{method} succeeded: {answer}");
        answer["error"].take()
    }

    /// Takes the oldest untaken message that matches, waiting for it; messages before it stay untaken.
    ///
    /// # Panics
    /// When it does not come.
    #[allow(clippy::expect_used, reason = "a message that does not come is the test's failure")]
    pub fn take_where(&mut self, what: &str, mut is_it: impl FnMut(&Value) -> bool) -> Value {
        let taken = &mut self.taken;
        let mut seen = 0;
        let found = self.connection.wait_within(PATIENCE, |messages| {
            taken.resize(messages.len(), false);
            let place = (seen..messages.len()).find(|place| !taken[*place] && is_it(&messages[*place]));
            seen = messages.len();
            place.map(|place| (place, messages[place].clone()))
        });
        match found {
            Ok((place, message)) => {
                self.taken[place] = true;
                self.note(&message);
                message
            }
            Err(error) => panic!("waiting for {what}: {error:#}\nstderr: {}", self.connection.stderr()),
        }
    }

    /// Takes the oldest untaken notification or request of this method.
    pub fn take(&mut self, method: &str) -> Value {
        self.take_where(method, |message| message["method"] == method)
    }

    /// Takes every untaken message up to the first that matches, and that one.
    pub fn until(&mut self, what: &str, mut is_it: impl FnMut(&Value) -> bool) -> Vec<Value> {
        let mut taken = Vec::new();
        loop {
            let message = self.take_where(what, |_| true);
            let is_last = is_it(&message);
            taken.push(message);
            if is_last {
                return taken;
            }
        }
    }

    /// Takes every untaken message up to the `turn/completed` of the thread.
    pub fn until_turn_completed(&mut self, thread_id: &str) -> Vec<Value> {
        self.until("turn/completed", |message| {
            message["method"] == "turn/completed" && message["params"]["threadId"] == thread_id
        })
    }

    /// Starts a thread in `cwd` and returns its id; takes its `thread/started`.
    ///
    /// # Panics
    /// When it is not started.
    pub fn start_thread(&mut self, cwd: &Path) -> String {
        self.start_thread_with(json!({"cwd": cwd}))
    }

    /// Starts a thread with these params and returns its id; takes its `thread/started`.
    ///
    /// # Panics
    /// When it is not started.
    pub fn start_thread_with(&mut self, params: Value) -> String {
        let result = self.request("thread/start", params);
        let id = result["thread"]["id"].as_str().map(str::to_owned).unwrap_or_default();
        self.take_where("thread/started", |message| message["params"]["thread"]["id"] == id.as_str());
        id
    }

    /// Starts a turn with a text and returns its id. Everything after the answer is left to take.
    pub fn start_turn(&mut self, thread_id: &str, text: &str) -> String {
        let input = json!([{"type": "text", "text": text}]);
        let result = self.request("turn/start", json!({"threadId": thread_id, "input": input}));
        result["turn"]["id"].as_str().map(str::to_owned).unwrap_or_default()
    }

    /// Runs a turn with a text to its end and returns its notifications, `turn/completed` last.
    pub fn run_turn(&mut self, thread_id: &str, text: &str) -> Vec<Value> {
        self.start_turn(thread_id, text);
        self.until_turn_completed(thread_id)
    }

    /// Answers a request of the server.
    #[allow(clippy::needless_pass_by_value, reason = "`json!` makes values")]
    pub fn reply(&mut self, request: &Value, result: Value) {
        self.send_raw(json!({"id": request["id"], "result": result}).to_string());
    }

    /// Answers a request of the server with an error.
    pub fn reply_error(&mut self, request: &Value, code: i64, message: &str) {
        let error = json!({"code": code, "message": message});
        self.send_raw(json!({"id": request["id"], "error": error}).to_string());
    }

    /// Takes whatever is left, so that the test's end does not mind it.
    pub fn take_rest(&mut self) -> Vec<Value> {
        let messages = self.connection.messages();
        self.taken.resize(messages.len(), false);
        let mut rest = Vec::new();
        for (place, message) in messages.into_iter().enumerate() {
            if !std::mem::replace(&mut self.taken[place], true) {
                self.note(&message);
                rest.push(message);
            }
        }
        rest
    }

    /// Closes stdin and waits for the end; returns what had not been taken. The exit code must be 0.
    ///
    /// # Panics
    /// When the server does not end, or not with 0.
    pub fn close(&mut self) -> Vec<Value> {
        self.connection.close_input();
        self.expect_exit();
        self.take_rest()
    }

    /// Waits for the end of the process, which must be orderly.
    ///
    /// # Panics
    /// When the server does not end, or not with 0.
    #[allow(clippy::expect_used, reason = "a server that does not end is the test's failure")]
    pub fn expect_exit(&mut self) {
        let status = self.connection.wait_exit(PATIENCE).expect("the server ends");
        assert!(status.success(), "the server ended with {status}; stderr: {}", self.connection.stderr());
    }

    /// Leaves out the checks at the end, for a test that breaks the connection on purpose.
    pub fn without_checks(&mut self) {
        self.is_checked = false;
    }

    fn note(&mut self, message: &Value) {
        if message.get("method").is_none()
            && let Some(id) = message.get("id")
        {
            *self.due.entry(id.to_string()).or_default() -= 1;
        }
    }

    /// What is wrong at the end, in words.
    fn complaints(&mut self) -> Vec<String> {
        let mut complaints: Vec<String> =
            self.take_rest().iter().map(|message| format!("not read: {message}")).collect();
        for (id, due) in &self.due {
            match due {
                0 => {}
                1.. => complaints.push(format!("request {id} had no answer")),
                _ => complaints.push(format!("request {id} had an answer too many")),
            }
        }
        complaints.extend(self.connection.garbage().into_iter().map(|line| format!("not JSON: {line}")));
        let stderr = self.connection.stderr();
        if stderr.contains("panicked") {
            complaints.push(format!("something panicked: {stderr}"));
        }
        complaints
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if !self.is_checked || thread::panicking() {
            return;
        }
        // What the server still has to say belongs to the checks, so let it end.
        self.connection.close_input();
        let ended = self.connection.wait_exit(PATIENCE);
        let mut complaints = self.complaints();
        match ended {
            Ok(status) if status.success() => {}
            Ok(status) => complaints.push(format!("the server ended with {status}")),
            Err(error) => complaints.push(format!("{error:#}")),
        }
        assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    }
}
