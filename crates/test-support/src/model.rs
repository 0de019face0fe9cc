//! A scripted model API on loopback: a small HTTP/1.1 server that plays answers in order, records what it was asked,
//! and waits where a test tells it to. It knows no product type: requests and events are JSON. Answers are written down
//! as events of the Responses API; who asks for `/chat/completions` gets the same as chunks of that API.
//!
//! Nothing here sleeps for a guess. A test opens a [`Gate`] to let the next event out, awaits
//! [`MockModel::requests_seen`] or [`MockModel::disconnects_seen`], and so always waits for a fact.

mod answer;
mod chat;
pub mod events;
pub(crate) mod http;
mod request;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::io::BufReader;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

pub use answer::{Answer, Gate, usage};
pub use http::RecordedRequest;
pub use request::{running_session, tool_output};

/// The server. Dropping it closes every connection.
#[derive(Debug)]
pub struct MockModel {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

type AnswerFn = Box<dyn FnMut(&RecordedRequest) -> Answer + Send>;

struct Shared {
    answers: Mutex<Answers>,
    /// Fixed answers by path, before anything scripted.
    routes: Mutex<BTreeMap<String, Answer>>,
    requests: Mutex<Vec<RecordedRequest>>,
    requests_seen: watch::Sender<usize>,
    disconnects_seen: watch::Sender<usize>,
    connections_seen: AtomicUsize,
}

enum Answers {
    InOrder(VecDeque<Answer>),
    Computed(AnswerFn),
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} requests seen", *self.requests_seen.borrow())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl MockModel {
    /// Starts a server that plays the answers in order, one per POST. When they run out it answers 400, which no
    /// client retries, and says so. Other methods get 404 unless [`MockModel::route`] says otherwise.
    pub async fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self::run(Answers::InOrder(answers.into_iter().collect())).await
    }

    /// Starts a server that asks the closure for the answer to each POST.
    pub async fn start_with(answer: impl FnMut(&RecordedRequest) -> Answer + Send + 'static) -> Self {
        Self::run(Answers::Computed(Box::new(answer))).await
    }

    #[allow(clippy::expect_used, reason = "a test without loopback cannot go on")]
    async fn run(answers: Answers) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("loopback has a port for the mock model");
        let address = listener.local_addr().expect("a bound listener has an address");
        let shared = Arc::new(Shared {
            answers: Mutex::new(answers),
            routes: Mutex::default(),
            requests: Mutex::default(),
            requests_seen: watch::Sender::new(0),
            disconnects_seen: watch::Sender::new(0),
            connections_seen: AtomicUsize::new(0),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { address, shared, accepting }
    }

    /// Returns what belongs into `base_url`: `http://127.0.0.1:<port>/v1`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Returns the port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Adds an answer at the end of the script; with a closure in its place this does nothing.
    pub fn push(&self, answer: Answer) {
        if let Answers::InOrder(answers) = &mut *lock(&self.shared.answers) {
            answers.push_back(answer);
        }
    }

    /// Answers every request for this path (without query, any method) with the same answer, leaving the script alone.
    pub fn route(&self, path: impl Into<String>, answer: Answer) {
        lock(&self.shared.routes).insert(path.into(), answer);
    }

    /// Returns all requests so far, in the order in which they were read.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        lock(&self.shared.requests).clone()
    }

    /// Waits until `count` requests were read and returns all of them.
    pub async fn requests_seen(&self, count: usize) -> Vec<RecordedRequest> {
        // An error would mean that the sender is gone, and we hold it.
        let _ = self.shared.requests_seen.subscribe().wait_for(|seen| *seen >= count).await;
        self.requests()
    }

    /// Returns how many connections were accepted so far.
    pub fn connections_seen(&self) -> usize {
        self.shared.connections_seen.load(Ordering::Relaxed)
    }

    /// Waits until `count` clients hung up while the server was waiting at a gate, hanging or stalling.
    pub async fn disconnects_seen(&self, count: usize) {
        let _ = self.shared.disconnects_seen.subscribe().wait_for(|seen| *seen >= count).await;
    }
}

impl Drop for MockModel {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Shared {
    fn record(&self, request: RecordedRequest) {
        lock(&self.requests).push(request);
        self.requests_seen.send_modify(|seen| *seen += 1);
    }

    fn answer_to(&self, request: &RecordedRequest) -> Answer {
        let path = request.path.split('?').next().unwrap_or_default();
        if let Some(answer) = lock(&self.routes).get(path) {
            return answer.clone();
        }
        if request.method != "POST" {
            return Answer::json(404, &json!({"error": {"message": "the mock model has no such page"}}));
        }
        match &mut *lock(&self.answers) {
            Answers::InOrder(answers) => answers.pop_front().unwrap_or_else(|| {
                Answer::json(400, &json!({"error": {"message": "the mock model has no answer left"}}))
            }),
            Answers::Computed(answer) => answer(request),
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // Owned here, so that aborting this task closes the connections too.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((socket, _)) = accepted {
                    shared.connections_seen.fetch_add(1, Ordering::Relaxed);
                    connections.spawn(serve(socket, Arc::clone(&shared)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Answers the requests of one connection. How it ends concerns nobody: clients hang up as they like.
async fn serve(mut socket: TcpStream, shared: Arc<Shared>) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let (reader, mut writer) = socket.split();
    let mut reader = BufReader::new(reader);
    while let Some(request) = http::read_request(&mut reader).await? {
        let answer = shared.answer_to(&request);
        // Recorded before it is answered, so that a client that has the answer finds its request here.
        let path = request.path.clone();
        shared.record(request);
        match answer.play(&path, &mut reader, &mut writer).await? {
            answer::Played::KeepAlive => {}
            answer::Played::Close => return Ok(()),
            answer::Played::ClientLeft => {
                shared.disconnects_seen.send_modify(|seen| *seen += 1);
                return Ok(());
            }
        }
    }
    Ok(())
}

/// The same server for programs without a runtime: it brings its own thread. Must not be dropped inside a runtime.
#[derive(Debug)]
pub struct BlockingMockModel {
    model: MockModel,
    runtime: Runtime,
}

impl BlockingMockModel {
    /// Starts a server that plays the answers in order; see [`MockModel::start`].
    pub fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        let answers = Answers::InOrder(answers.into_iter().collect());
        Self::run(answers)
    }

    /// Starts a server that asks the closure for each answer; see [`MockModel::start_with`].
    pub fn start_with(answer: impl FnMut(&RecordedRequest) -> Answer + Send + 'static) -> Self {
        Self::run(Answers::Computed(Box::new(answer)))
    }

    #[allow(clippy::expect_used, reason = "a test without threads cannot go on")]
    fn run(answers: Answers) -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("mock-model")
            .enable_all()
            .build()
            .expect("there is a thread for the mock model");
        let model = runtime.block_on(MockModel::run(answers));
        Self { model, runtime }
    }

    /// Returns the server itself, for everything that does not wait.
    pub fn model(&self) -> &MockModel {
        &self.model
    }

    /// Returns what belongs into `base_url`.
    pub fn base_url(&self) -> String {
        self.model.base_url()
    }

    /// Waits until `count` requests were read and returns all of them.
    pub fn requests_seen(&self, count: usize) -> Vec<RecordedRequest> {
        self.runtime.block_on(self.model.requests_seen(count))
    }

    /// Waits until the server stands at the gate.
    pub fn gate_reached(&self, gate: &Gate) {
        self.runtime.block_on(gate.reached());
    }
}

/// Returns the answers of a recorded conversation: the `model->server` lines of its text, in order.
///
/// # Errors
/// A line that is not JSON, or an answer that cannot be played.
pub fn answers_from_transcript(jsonl: &str) -> anyhow::Result<Vec<Answer>> {
    let mut answers = Vec::new();
    for line in jsonl.lines().filter(|line| !line.trim().is_empty()) {
        let line: Value = serde_json::from_str(line)?;
        if line["dir"] == "model->server" {
            answers.push(Answer::from_transcript(&line)?);
        }
    }
    Ok(answers)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use super::*;

    /// Reads until the text ends with what is expected, or the server hangs up.
    fn read_until(socket: &mut TcpStream, end: &str) -> String {
        let mut seen = Vec::new();
        let mut byte = [0];
        while !seen.ends_with(end.as_bytes()) && socket.read(&mut byte).unwrap() == 1 {
            seen.push(byte[0]);
        }
        String::from_utf8(seen).unwrap()
    }

    #[test]
    fn a_connection_is_kept_and_both_kinds_of_body_are_read() {
        let gate = Gate::new();
        let first =
            Answer::events([events::created("r")]).header("x-a", "b").gate(&gate).and([json!("raw\n\n")]);
        let model = BlockingMockModel::start([first, Answer::json(429, &json!({"a": 1}))]);
        let mut socket = TcpStream::connect(("127.0.0.1", model.model().port())).unwrap();

        socket
            .write_all(
                b"POST /v1/responses?q=1 HTTP/1.1\r\nX-Team: blue\r\nContent-Length: 7\r\n\r\n{\"m\":1}",
            )
            .unwrap();
        model.gate_reached(&gate);
        let before_gate = read_until(&mut socket, "}}\n\n\r\n");
        assert_eq!(
            before_gate,
            "HTTP/1.1 200 Scripted\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\nx-a: b\r\n\r\n\
             51\r\nevent: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"r\"}}\n\n\r\n"
        );
        gate.open();
        assert_eq!(read_until(&mut socket, "0\r\n\r\n"), "5\r\nraw\n\n\r\n0\r\n\r\n");

        socket
            .write_all(b"POST /v1/responses HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n")
            .unwrap();
        assert!(read_until(&mut socket, "{\"a\":1}").starts_with("HTTP/1.1 429 "));

        let requests = model.requests_seen(2);
        assert_eq!((requests[0].path.as_str(), &requests[0].body), ("/v1/responses?q=1", &json!({"m": 1})));
        assert_eq!(requests[0].header("x-team"), Some("blue"));
        assert_eq!(requests[1].body, json!([1, 2]));
        assert_eq!(model.model().connections_seen(), 1);
    }

    fn ask(model: &BlockingMockModel, request: &str) -> String {
        let mut socket = TcpStream::connect(("127.0.0.1", model.model().port())).unwrap();
        socket.write_all(request.as_bytes()).unwrap();
        read_until(&mut socket, "}")
    }

    #[test]
    fn what_is_not_scripted_is_refused() {
        let model = BlockingMockModel::start([]);
        assert!(ask(&model, "POST /v1/responses HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 400 "));
        assert!(ask(&model, "GET /v1/models HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404 "));
        model.model().route("/v1/models", Answer::json(200, &json!({"models": []})));
        assert!(ask(&model, "GET /v1/models?v=1 HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 200 "));
        model.model().push(Answer::json(418, &json!({})));
        assert!(ask(&model, "POST /v1/responses HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 418 "));
    }

    #[test]
    fn recorded_answers() {
        let transcript = concat!(
            r#"{"dir":"meta","msg":{}}"#,
            "\n",
            r#"{"dir":"model->server","msg":{"status":429,"headers":{"retry-after":1},"json":{"error":{}}}}"#,
            "\n",
            r#"{"dir":"model->server","msg":{"events":["data: x\n\n"],"hang":0.001,"delay":0.001}}"#,
            "\n",
            r#"{"dir":"model->server","msg":{"status":500,"text":"oops}"}}"#,
        );
        let model = BlockingMockModel::start(answers_from_transcript(transcript).unwrap());
        let post = "POST /v1/responses HTTP/1.1\r\n\r\n";
        assert!(ask(&model, post).contains("retry-after: 1\r\n"));
        let mut socket = TcpStream::connect(("127.0.0.1", model.model().port())).unwrap();
        socket.write_all(post.as_bytes()).unwrap();
        assert!(read_until(&mut socket, "0\r\n\r\n").ends_with("9\r\ndata: x\n\n\r\n0\r\n\r\n"));
        assert!(ask(&model, post).ends_with("oops}"));

        assert!(answers_from_transcript(r#"{"dir":"model->server","msg":{"status":200}}"#).is_err());
        assert!(answers_from_transcript("not json").is_err());
    }

    #[test]
    fn a_closure_sees_the_request() {
        let model =
            BlockingMockModel::start_with(|request| Answer::json(200, &json!({"echo": request.body["n"]})));
        let reply = ask(&model, "POST /v1/responses HTTP/1.1\r\ncontent-length: 7\r\n\r\n{\"n\":5}");
        assert!(reply.ends_with("{\"echo\":5}"), "{reply}");
    }
}
