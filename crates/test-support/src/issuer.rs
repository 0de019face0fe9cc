//! A scripted issuer of accounts' tokens on loopback, with the usage page of the accounts' backend: it gives codes,
//! tokens and keys by the rules of auth specification 7 to 9, or answers what a test tells it to, and records what it
//! was asked. It knows no product type, and reading a request never waits.
//!
//! By default it behaves: a code is good once and only with its verifier, a refresh token is good once, a device waits
//! for its approval. [`ScriptedIssuer::script`] replaces single answers; a [`Gate`] holds one back until the test has
//! seen what it waits for.

pub mod browser;
mod endpoint;
pub mod form;
mod ledger;
mod reply;
#[cfg(test)]
mod tests;
mod tokens;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::Value;
use tokio::io::BufReader;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use crate::model::{Gate, RecordedRequest, http};

pub use browser::{Authorization, Page};
pub use endpoint::Endpoint;
use ledger::{Grant, Ledger};
use reply::Content;
pub use reply::Reply;
pub use tokens::{IssuedTokens, Person, days_ago, jwt, unix_in};

/// How long a test waits for a request. It bounds hangs only.
const PATIENCE: Duration = Duration::from_secs(30);

/// The issuer. It brings its own thread and must not be dropped inside a runtime; dropping it closes every connection.
#[derive(Debug)]
pub struct ScriptedIssuer {
    address: SocketAddr,
    shared: Arc<Shared>,
    runtime: Runtime,
}

#[derive(Debug)]
struct Shared {
    ledger: Mutex<Ledger>,
    scripts: Mutex<BTreeMap<Endpoint, VecDeque<Reply>>>,
    requests: Mutex<Vec<RecordedRequest>>,
    requests_seen: watch::Sender<usize>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ScriptedIssuer {
    /// Starts an issuer on a free port.
    ///
    /// # Panics
    /// Without loopback or threads.
    #[allow(clippy::expect_used, reason = "a test without threads or loopback cannot go on")]
    pub fn start() -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("issuer")
            .enable_all()
            .build()
            .expect("there is a thread for the issuer");
        let listener = runtime
            .block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .expect("loopback has a port for the issuer");
        let address = listener.local_addr().expect("a bound listener has an address");
        let shared = Arc::new(Shared {
            ledger: Mutex::new(Ledger::new(address.port())),
            scripts: Mutex::default(),
            requests: Mutex::default(),
            requests_seen: watch::Sender::new(0),
        });
        runtime.spawn(accept(listener, Arc::clone(&shared)));
        Self { address, shared, runtime }
    }

    /// Returns the issuer's address, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sets who signs in from now on.
    pub fn sign_in_as(&self, person: Person) {
        lock(&self.shared.ledger).person = person;
    }

    /// Sets how long access tokens given from now on are good, in seconds; `None` leaves out when they end.
    pub fn set_lifetime(&self, seconds: Option<i64>) {
        lock(&self.shared.ledger).lifetime = seconds;
    }

    /// Sets what the usage page says.
    pub fn set_usage(&self, usage: Value) {
        lock(&self.shared.ledger).usage = usage;
    }

    /// Gives tokens as at an earlier login; `expires_at` is in Unix seconds, `None` leaves it out.
    pub fn issue(&self, person: &Person, expires_at: Option<i64>) -> IssuedTokens {
        lock(&self.shared.ledger).issue(person, expires_at)
    }

    /// Uses up a refresh token for new tokens, as another program would.
    ///
    /// # Errors
    /// When it is not good any more.
    pub fn refresh_elsewhere(&self, refresh_token: &str) -> anyhow::Result<IssuedTokens> {
        let rotated = lock(&self.shared.ledger).rotate(refresh_token);
        rotated.map_err(|code| anyhow::anyhow!("the token cannot be refreshed: {code}"))
    }

    /// Approves the devices that wait, as the person who signs in.
    pub fn approve_devices(&self) {
        lock(&self.shared.ledger).approve_devices();
    }

    /// Returns every token, code, verifier and key there was so far.
    pub fn secrets(&self) -> Vec<String> {
        lock(&self.shared.ledger).secrets.clone()
    }

    /// Makes the endpoint answer so, once; replies are used in order, and then the endpoint behaves again.
    pub fn script(&self, endpoint: Endpoint, reply: Reply) {
        lock(&self.shared.scripts).entry(endpoint).or_default().push_back(reply);
    }

    /// Makes the endpoint refuse once, with an error code as the issuer writes it.
    pub fn refuse(&self, endpoint: Endpoint, status: u16, code: &str) {
        self.script(endpoint, ledger::refusal(status, code));
    }

    /// Looks at an `authUrl` as the issuer's login page would, and grants what it asks for.
    ///
    /// # Errors
    /// What is missing or wrong in it.
    pub fn authorize(&self, auth_url: &str) -> anyhow::Result<Authorization> {
        let page = format!("{}/oauth/authorize?", self.url());
        let query = auth_url.strip_prefix(&page).with_context(|| format!("not {page}: {auth_url}"))?;
        let parameters = form::pairs(query);
        let get =
            |name| form::value(&parameters, name).with_context(|| format!("{name} is missing: {query}"));
        ensure!(get("response_type")? == "code", "the response type is not `code`: {query}");
        ensure!(get("code_challenge_method")? == "S256", "the challenge is not hashed: {query}");
        ensure!(get("code_challenge")?.len() == 43, "the challenge is no SHA-256: {query}");
        ensure!(get("state")?.len() >= 22, "the state can be guessed: {query}");
        let (redirect_uri, state) = (get("redirect_uri")?.to_owned(), get("state")?.to_owned());
        let mut ledger = lock(&self.shared.ledger);
        let grant = Grant {
            person: ledger.person.clone(),
            client_id: get("client_id")?.to_owned(),
            redirect_uri: redirect_uri.clone(),
            challenge: get("code_challenge")?.to_owned(),
        };
        let code = ledger.grant(grant);
        drop(ledger);
        Ok(Authorization { parameters, redirect_uri, state, code })
    }

    /// Returns all requests so far, in the order in which they were read.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        lock(&self.shared.requests).clone()
    }

    /// Returns the requests of one endpoint so far.
    pub fn requests_to(&self, endpoint: Endpoint) -> Vec<RecordedRequest> {
        self.requests().into_iter().filter(|request| Endpoint::of(request) == endpoint).collect()
    }

    /// Waits until the endpoint was asked `count` times and returns its requests.
    ///
    /// # Panics
    /// When that does not happen.
    pub fn wait_requests(&self, endpoint: Endpoint, count: usize) -> Vec<RecordedRequest> {
        let mut seen = self.shared.requests_seen.subscribe();
        let enough = seen.wait_for(|_| self.requests_to(endpoint).len() >= count);
        let waited = self.runtime.block_on(async { tokio::time::timeout(PATIENCE, enough).await.is_ok() });
        let requests = self.requests_to(endpoint);
        assert!(waited, "{endpoint:?} was asked {} times, not {count}", requests.len());
        requests
    }

    /// Waits until an answer stands at the gate.
    ///
    /// # Panics
    /// When that does not happen.
    pub fn gate_reached(&self, gate: &Gate) {
        let reached =
            self.runtime.block_on(async { tokio::time::timeout(PATIENCE, gate.reached()).await.is_ok() });
        assert!(reached, "no answer came to the gate");
    }
}

impl Shared {
    fn answer(&self, request: RecordedRequest) -> Reply {
        let endpoint = Endpoint::of(&request);
        let scripted = lock(&self.scripts).get_mut(&endpoint).and_then(VecDeque::pop_front);
        let reply = match scripted {
            Some(mut reply) => {
                if matches!(reply.content, Content::Usual) {
                    reply.content = lock(&self.ledger).answer(endpoint, &request).content;
                }
                reply
            }
            None => lock(&self.ledger).answer(endpoint, &request),
        };
        // Recorded before it is answered, so that a client that has the answer finds its request here.
        lock(&self.requests).push(request);
        self.requests_seen.send_modify(|seen| *seen += 1);
        reply
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

/// Answers the requests of one connection. How it ends concerns nobody: clients hang up as they like.
async fn serve(mut socket: TcpStream, shared: Arc<Shared>) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let (reader, mut writer) = socket.split();
    let mut reader = BufReader::new(reader);
    while let Some(request) = http::read_request(&mut reader).await? {
        let is_last = request.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        if !shared.answer(request).play(&mut writer).await? || is_last {
            break;
        }
    }
    Ok(())
}
