//! A server over streamable HTTP on loopback: answers as JSON or as streams of events, sessions that can expire, a sign-in
//! on demand. It brings its own thread.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::io::{AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use super::issuer::Ledger;
use super::protocol::{Said, say, text};
use crate::issuer::{Authorization, Reply};
use crate::model::{RecordedRequest, http};

/// The server. It must not be dropped inside a runtime; dropping it closes every connection.
#[derive(Debug)]
pub struct HttpMcpServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    _runtime: Runtime,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    requests: Mutex<Vec<RecordedRequest>>,
}

#[derive(Debug, Default)]
struct State {
    origin: String,
    as_events: bool,
    sessions: Vec<String>,
    begun: usize,
    wants_sign_in: bool,
    /// What it says to who has not, if not the usual.
    challenge: Option<String>,
    ledger: Ledger,
    scripts: BTreeMap<String, VecDeque<Reply>>,
    /// Who waits for the client's answer to a question.
    asked: Option<oneshot::Sender<Value>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl HttpMcpServer {
    /// Starts a server on a free port. Nobody needs to sign in, and answers are JSON.
    ///
    /// # Panics
    /// Without loopback or threads.
    #[allow(clippy::expect_used, reason = "a test without threads or loopback cannot go on")]
    pub fn start() -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("mcp-server")
            .enable_all()
            .build()
            .expect("there is a thread for the server");
        let listener = runtime
            .block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .expect("loopback has a port for the server");
        let address = listener.local_addr().expect("a bound listener has an address");
        let shared = Arc::new(Shared::default());
        lock(&shared.state).origin = format!("http://{address}");
        runtime.spawn(accept(listener, Arc::clone(&shared)));
        Self { address, shared, _runtime: runtime }
    }

    /// Returns the scheme, host and port.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns where the server is.
    pub fn url(&self) -> String {
        format!("{}/mcp", self.origin())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.shared.state)
    }

    /// From now on answers are streams of events.
    pub fn answer_with_events(&self) {
        self.state().as_events = true;
    }

    /// Forgets all sessions; a request in one of them is answered with 404.
    pub fn expire_sessions(&self) {
        self.state().sessions.clear();
    }

    /// From now on only requests with a token are answered, those given so far included.
    pub fn require_sign_in(&self) {
        self.state().wants_sign_in = true;
    }

    /// Says this to who has not signed in, which is required from now on.
    pub fn challenge_with(&self, challenge: &str) {
        self.require_sign_in();
        self.state().challenge = Some(challenge.to_owned());
    }

    /// Takes this token as well.
    pub fn accept_token(&self, token: &str) {
        self.state().ledger.access_tokens.push(token.to_owned());
    }

    /// Refuses all access tokens given so far. Refresh tokens stay good.
    pub fn expire_tokens(&self) {
        self.state().ledger.access_tokens.clear();
    }

    /// Says how long tokens given from now on are good, in seconds.
    pub fn set_lifetime(&self, seconds: u64) {
        self.state().ledger.lifetime = Some(seconds);
    }

    /// From now on refresh tokens are refused.
    pub fn refuse_refresh(&self) {
        self.state().ledger.refuses_refresh = true;
    }

    /// Makes a path answer so, once; replies are used in order, and then it behaves again.
    pub fn script(&self, path: &str, reply: Reply) {
        self.state().scripts.entry(path.to_owned()).or_default().push_back(reply);
    }

    /// Looks at the address of a sign-in as the login page would, and grants what it asks for.
    ///
    /// # Errors
    /// What is missing or wrong in it.
    pub fn authorize(&self, url: &str) -> anyhow::Result<Authorization> {
        let origin = self.origin();
        self.state().ledger.authorize(&origin, url)
    }

    /// Returns all requests so far, in the order in which they were read.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        lock(&self.shared.requests).clone()
    }

    /// Returns the requests to a path so far.
    pub fn requests_to(&self, path: &str) -> Vec<RecordedRequest> {
        self.requests().into_iter().filter(|request| request.path.split('?').next() == Some(path)).collect()
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        if let Ok((socket, _)) = listener.accept().await {
            // They end with the runtime.
            tokio::spawn(serve(socket, Arc::clone(&shared)));
        }
    }
}

/// What is sent back.
enum Back {
    Whole(Reply),
    /// A stream of events, which ends with the connection; then what is still waited for.
    Events {
        session: Option<String>,
        events: Vec<Value>,
        waits: Option<(Value, oneshot::Receiver<Value>)>,
    },
}

/// Answers the requests of one connection. How it ends concerns nobody: clients hang up as they like.
async fn serve(mut socket: TcpStream, shared: Arc<Shared>) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let (reader, mut writer) = socket.split();
    let mut reader = BufReader::new(reader);
    while let Some(request) = http::read_request(&mut reader).await? {
        let is_last = request.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        lock(&shared.requests).push(request.clone());
        let back = lock(&shared.state).answer(&request);
        match back {
            Back::Whole(reply) => {
                if !reply.play(&mut writer).await? || is_last {
                    break;
                }
            }
            Back::Events { session, events, waits } => {
                return stream(&mut writer, session, events, waits).await;
            }
        }
    }
    Ok(())
}

async fn stream(
    writer: &mut (impl AsyncWrite + Unpin),
    session: Option<String>,
    events: Vec<Value>,
    waits: Option<(Value, oneshot::Receiver<Value>)>,
) -> io::Result<()> {
    let session = session.map(|id| format!("mcp-session-id: {id}\r\n")).unwrap_or_default();
    let head =
        format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n{session}connection: close\r\n\r\n");
    writer.write_all(head.as_bytes()).await?;
    for event in events {
        writer.write_all(format!("event: message\ndata: {event}\n\n").as_bytes()).await?;
    }
    writer.flush().await?;
    if let Some((request, answer)) = waits
        && let Ok(answer) = answer.await
    {
        let result = text(&request, &answer["result"].to_string());
        writer.write_all(format!("data: {result}\n\n").as_bytes()).await?;
    }
    writer.flush().await
}

impl State {
    fn answer(&mut self, request: &RecordedRequest) -> Back {
        let path = request.path.split('?').next().unwrap_or_default();
        // Clients ask for a stream by themselves, when is not for the test to know.
        let is_asked_for = (path, request.method.as_str()) != ("/mcp", "GET");
        let scripted = self.scripts.get_mut(path).filter(|_| is_asked_for).and_then(VecDeque::pop_front);
        if let Some(reply) = scripted {
            return Back::Whole(reply);
        }
        if path != "/mcp" {
            let origin = self.origin.clone();
            return Back::Whole(self.ledger.answer(&origin, request));
        }
        if self.wants_sign_in && !self.has_token(request) {
            let metadata = format!("{}/.well-known/oauth-protected-resource/mcp", self.origin);
            let usual = || format!("Bearer resource_metadata=\"{metadata}\"");
            let challenge = self.challenge.clone().unwrap_or_else(usual);
            return Back::Whole(Reply::text(401, "sign in").header("www-authenticate", &challenge));
        }
        match request.method.as_str() {
            "POST" => self.message(request),
            "DELETE" => {
                self.sessions.retain(|known| Some(known.as_str()) != request.header("mcp-session-id"));
                Back::Whole(Reply::text(200, ""))
            }
            _ => Back::Whole(Reply::text(405, "no stream here")),
        }
    }

    fn has_token(&self, request: &RecordedRequest) -> bool {
        let given = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        given.is_some_and(|given| self.ledger.access_tokens.iter().any(|known| known == given))
    }

    fn message(&mut self, request: &RecordedRequest) -> Back {
        let message = &request.body;
        let mut session = None;
        if message["method"] == "initialize" {
            self.begun += 1;
            let id = format!("session-{}", self.begun);
            self.sessions.push(id.clone());
            session = Some(id);
        } else if !request
            .header("mcp-session-id")
            .is_some_and(|given| self.sessions.iter().any(|known| known == given))
        {
            return Back::Whole(Reply::text(404, "no such session"));
        }
        if message["method"].is_null()
            && let Some(asked) = self.asked.take()
        {
            // Whoever asked may have gone.
            let _ = asked.send(message.clone());
        }
        match say(message) {
            Said::Nothing => Back::Whole(Reply::text(202, "")),
            Said::Answer(answer) if !self.as_events => {
                let reply = Reply::json(200, &answer);
                Back::Whole(session.into_iter().fold(reply, |reply, id| reply.header("mcp-session-id", &id)))
            }
            Said::Answer(answer) => Back::Events { session, events: vec![answer], waits: None },
            Said::Told(mut events, answer) => {
                events.push(answer);
                Back::Events { session, events, waits: None }
            }
            Said::Asked(question) => {
                let (asked, answer) = oneshot::channel();
                self.asked = Some(asked);
                Back::Events { session, events: vec![question], waits: Some((message.clone(), answer)) }
            }
        }
    }
}
