//! A scripted issuer, a browser that sends what it is told to, and a login between them.

#![allow(dead_code, reason = "each test program uses a part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests")]

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use app_server_http::{HttpClient, NetworkOptions, Secret};
use app_server_oauth::{
    BrowserLogin, BrowserOptions, Issuer, IssuerOverrides, LoginError, OAuthClient, Tokens,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What an issuer that is content answers to a code.
pub(crate) const TOKENS: &str =
    r#"{"id_token":"id-1","access_token":"access-1","refresh_token":"refresh-1"}"#;
/// What it answers when asked for an API key.
pub(crate) const API_KEY: &str = r#"{"access_token":"sk-1"}"#;

/// A request the issuer got. It waits for its answer.
pub(crate) struct Asked {
    pub(crate) head: String,
    pub(crate) body: String,
    stream: TcpStream,
}

impl Asked {
    pub(crate) async fn answer(self, status: &str, headers: &str, body: &str) {
        let Self { mut stream, .. } = self;
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
        );
        // Whoever asked may have given up.
        let _ = stream.write_all(answer.as_bytes()).await;
    }

    pub(crate) async fn ok(self, body: &str) {
        self.answer("200 OK", "content-type: application/json\r\n", body).await;
    }

    /// The value of a parameter of the form.
    pub(crate) fn form(&self, name: &str) -> Option<String> {
        let params = reqwest::Url::parse(&format!("http://localhost/?{}", self.body)).unwrap();
        params.query_pairs().find(|pair| pair.0 == name).map(|pair| pair.1.into_owned())
    }
}

/// An issuer whose requests are answered by the test.
pub(crate) struct ScriptedIssuer {
    pub(crate) url: String,
    requests: mpsc::Receiver<Asked>,
}

impl ScriptedIssuer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, requests) = mpsc::channel(8);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if let Some(asked) = read_request(stream).await
                    && sender.send(asked).await.is_err()
                {
                    return;
                }
            }
        });
        Self { url, requests }
    }

    pub(crate) async fn asked(&mut self) -> Asked {
        soon(self.requests.recv()).await.unwrap()
    }

    /// Whether nothing has been asked.
    pub(crate) fn is_idle(&mut self) -> bool {
        self.requests.try_recv().is_err()
    }
}

async fn read_request(mut stream: TcpStream) -> Option<Asked> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                let body = body.to_owned();
                return Some(Asked { head, body, stream });
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

/// What the accepting side was given: the three tokens and the key.
pub(crate) type Accepted = (String, String, String, Option<String>);

/// A login that is being served.
pub(crate) struct Login {
    pub(crate) issuer: ScriptedIssuer,
    pub(crate) auth_url: String,
    pub(crate) port: u16,
    pub(crate) cancel: CancellationToken,
    pub(crate) accepted: Arc<Mutex<Vec<Accepted>>>,
    pub(crate) end: JoinHandle<Result<(), LoginError>>,
}

impl Login {
    pub(crate) async fn start() -> Self {
        Self::start_with(|| Ok(())).await
    }

    /// Starts a login whose tokens meet with this verdict.
    pub(crate) async fn start_with(verdict: impl FnOnce() -> Result<(), String> + Send + 'static) -> Self {
        let issuer = ScriptedIssuer::start().await;
        let cancel = CancellationToken::new();
        let login = BrowserLogin::bind(&client(&issuer.url), options(&[0]), &cancel).await.unwrap();
        let auth_url = login.auth_url().to_owned();
        let accepted = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&accepted);
        let accept = async move |tokens: Tokens, api_key: Option<Secret>| {
            let shown = |secret: Secret| secret.expose().to_owned();
            let tokens = (shown(tokens.id_token), shown(tokens.access_token), shown(tokens.refresh_token));
            keep.lock().unwrap().push((tokens.0, tokens.1, tokens.2, api_key.map(shown)));
            verdict()
        };
        let end = tokio::spawn(login.finish(|_| Ok(()), accept, cancel.clone()));
        let port = reqwest::Url::parse(&param(&auth_url, "redirect_uri")).unwrap().port().unwrap();
        Self { issuer, auth_url, port, cancel, accepted, end }
    }

    pub(crate) fn state(&self) -> String {
        param(&self.auth_url, "state")
    }

    /// The target the issuer sends the browser to.
    pub(crate) fn callback(&self, code: &str) -> String {
        format!("/auth/callback?code={code}&state={}", self.state())
    }

    /// Asks for a target as a browser does.
    pub(crate) async fn get(&self, target: &str) -> Page {
        get(self.port, target).await
    }

    pub(crate) async fn end(&mut self) -> Result<(), LoginError> {
        soon(&mut self.end).await.unwrap()
    }

    /// Goes the whole way, to show that nothing that happened before has changed the login.
    pub(crate) async fn succeeds(&mut self) {
        let (target, port) = (self.callback("good"), self.port);
        let browser = tokio::spawn(async move { get(port, &target).await });
        let asked = self.issuer.asked().await;
        assert_eq!(asked.form("code").unwrap(), "good");
        asked.ok(TOKENS).await;
        self.issuer.asked().await.ok(API_KEY).await;
        assert_eq!(self.end().await, Ok(()));
        assert_eq!(soon(browser).await.unwrap().status, 302);
        assert_eq!(self.accepted.lock().unwrap().len(), 1);
    }

    /// Waits until the port is free.
    pub(crate) async fn leaves_the_port(&self) {
        let gone = async {
            while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        soon(gone).await;
    }
}

pub(crate) fn options(ports: &[u16]) -> BrowserOptions {
    BrowserOptions { workspaces: Vec::new(), ports: ports.to_vec() }
}

pub(crate) fn client(issuer: &str) -> OAuthClient {
    let overrides = IssuerOverrides { issuer: Some(issuer.to_owned()), ..IssuerOverrides::default() };
    let http = HttpClient::new(NetworkOptions { ca_bundle: None, ignore_proxies: true });
    let issuer = Issuer::new(overrides).unwrap();
    OAuthClient::new(http, issuer, "tester".to_owned(), "tester/1".to_owned())
}

/// The value of a parameter of a URL.
pub(crate) fn param(url: &str, name: &str) -> String {
    let url = reqwest::Url::parse(url).unwrap();
    url.query_pairs().find(|pair| pair.0 == name).unwrap().1.into_owned()
}

/// An answer of the callback server.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Page {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let named =
            |line: &'_ str| line.split_once(": ").is_some_and(|line| line.0.eq_ignore_ascii_case(name));
        let line = self.head.lines().find(|line| named(line))?;
        line.split_once(": ").map(|line| line.1)
    }
}

pub(crate) async fn get(port: u16, target: &str) -> Page {
    ask(port, "GET", target, &format!("Host: localhost:{port}\r\n")).await
}

/// Sends one request with these header lines and reads until the connection is closed.
pub(crate) async fn ask(port: u16, method: &str, target: &str, headers: &str) -> Page {
    let mut stream = connect(port).await;
    let request = format!("{method} {target} HTTP/1.1\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    page(stream).await
}

pub(crate) async fn connect(port: u16) -> TcpStream {
    soon(TcpStream::connect((Ipv4Addr::LOCALHOST, port))).await.unwrap()
}

/// Reads an answer until the connection is closed.
pub(crate) async fn page(mut stream: TcpStream) -> Page {
    let mut bytes = Vec::new();
    soon(stream.read_to_end(&mut bytes)).await.unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Page { status, head: head.to_owned(), body: body.to_owned() }
}

/// Waits for a fact, generously. Not for tests with a paused clock, which would jump to the limit.
pub(crate) async fn soon<T>(fact: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), fact).await.expect("waited for a fact in vain")
}
