//! How each request to the callback server is answered, and what it does to the login.

use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};

use app_server_http::Secret;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{HOST, HeaderValue, LOCATION, ORIGIN};
use hyper::http::uri::Authority;
use hyper::{Method, Request, Response, StatusCode, Uri, header};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::callback::Callback;
use super::pages;

const SUCCESS_PATH: &str = "/success";
const CANCEL_PATH: &str = "/cancel";

/// Nothing is loaded from anywhere, and the pages' own style is all they need.
const CONTENT_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// An answer to a request.
pub(super) type Answer = Response<Full<Bytes>>;

/// What the issuer had the browser say: the first answer with this login's state.
pub(super) struct Verdict {
    /// The code, or why there is none.
    pub(super) code: Result<Secret, String>,
    /// What the browser is to be told. It may have gone away.
    pub(super) browser: oneshot::Sender<Outcome>,
}

/// How the login ended, as the browser is told.
pub(super) enum Outcome {
    SignedIn,
    Failed(String),
}

/// What all connections of a login share.
pub(super) struct Desk {
    port: u16,
    /// The path the issuer sends the browser to.
    callback_path: &'static str,
    state: Secret,
    phase: Mutex<Phase>,
    verdicts: mpsc::Sender<Verdict>,
    /// Somebody asked for the login's end.
    pub(super) asked_to_leave: CancellationToken,
    /// The browser has been shown the success page.
    pub(super) shown: Notify,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// No answer of the issuer yet.
    Waiting,
    /// There is one; its code is being exchanged.
    Exchanging,
    /// The end is fixed: tokens are being stored, or the login has failed.
    Settled,
    /// The tokens are stored.
    SignedIn,
}

impl Desk {
    /// Returns the desk and where the one answer of the issuer arrives.
    pub(super) fn new(
        port: u16,
        callback_path: &'static str,
        state: Secret,
    ) -> (Self, mpsc::Receiver<Verdict>) {
        let (verdicts, receiver) = mpsc::channel(1); // Only the request that left `Waiting` sends, so it is never full.
        let desk = Self {
            port,
            callback_path,
            state,
            phase: Mutex::new(Phase::Waiting),
            verdicts,
            asked_to_leave: CancellationToken::new(),
            shown: Notify::new(),
        };
        (desk, receiver)
    }

    /// Fixes the login's end, unless somebody has asked for another one before.
    pub(super) fn settle(&self) -> bool {
        let mut phase = self.phase();
        let is_first = *phase == Phase::Exchanging;
        *phase = Phase::Settled;
        is_first
    }

    /// From now on `/success` is served.
    pub(super) fn signed_in(&self) {
        *self.phase() = Phase::SignedIn;
    }

    /// Answers a request. Its body is not looked at.
    pub(super) async fn answer<B>(&self, request: &Request<B>) -> Result<Answer, Infallible> {
        if !self.is_for_us(request) {
            return Ok(text(StatusCode::FORBIDDEN, "Forbidden"));
        }
        let path = request.uri().path();
        if path != self.callback_path && !matches!(path, SUCCESS_PATH | CANCEL_PATH) {
            return Ok(text(StatusCode::NOT_FOUND, "Not Found"));
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
            answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return Ok(answer);
        }
        Ok(match path {
            SUCCESS_PATH => self.success(),
            CANCEL_PATH => self.cancel(request),
            _ => self.callback(request.uri()).await,
        })
    }

    /// Whether the request names this server. A page of another origin whose name was made to resolve to this machine
    /// names itself instead.
    fn is_for_us<B>(&self, request: &Request<B>) -> bool {
        let mut hosts = request.headers().get_all(HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
        let is_ours = |authority: &Authority| {
            let host = authority.host();
            let is_loopback = host.eq_ignore_ascii_case("localhost") || matches!(host, "127.0.0.1" | "[::1]");
            // Whatever is in front of an @ is not part of the host.
            let has_user = authority.as_str().contains('@');
            let rest = &authority.as_str().get(host.len()..).unwrap_or_default();
            let port_fits = rest.is_empty() || rest.strip_prefix(':') == Some(&self.port.to_string());
            is_loopback && !has_user && port_fits
        };
        let host = host.to_str().ok().and_then(|host| host.parse().ok());
        host.as_ref().is_some_and(is_ours) && request.uri().authority().is_none_or(is_ours)
    }

    async fn callback(&self, uri: &Uri) -> Answer {
        let code = match Callback::read(uri.query().unwrap_or_default(), &self.state) {
            Callback::Foreign => return text(StatusCode::BAD_REQUEST, "State mismatch"),
            Callback::Ambiguous => return text(StatusCode::BAD_REQUEST, "Repeated parameter"),
            Callback::Refused(reason) => Err(reason),
            Callback::Code(code) => Ok(code),
        };
        if !self.step(Phase::Waiting, Phase::Exchanging) {
            return text(StatusCode::BAD_REQUEST, "This sign-in has been answered already");
        }
        let (browser, outcome) = oneshot::channel();
        // If nobody receives it the login is over, and so is the wait below.
        let _ = self.verdicts.send(Verdict { code, browser }).await;
        match outcome.await {
            Ok(Outcome::SignedIn) => self.to_success(),
            Ok(Outcome::Failed(reason)) => html(pages::failure(&reason)),
            Err(_) => html(pages::failure("Login was not completed")),
        }
    }

    /// Sends the browser to a page of its own, so that the code does not stay in its address bar.
    fn to_success(&self) -> Answer {
        let location = format!("http://localhost:{}{SUCCESS_PATH}", self.port);
        let mut answer = text(StatusCode::FOUND, "");
        if let Ok(location) = HeaderValue::try_from(location) {
            answer.headers_mut().insert(LOCATION, location);
        }
        answer
    }

    fn success(&self) -> Answer {
        if *self.phase() != Phase::SignedIn {
            return text(StatusCode::NOT_FOUND, "Not Found");
        }
        self.shown.notify_one();
        html(pages::success())
    }

    /// Another login wants the port, or the user gave up. A web page may not decide that.
    fn cancel<B>(&self, request: &Request<B>) -> Answer {
        let headers = request.headers();
        let is_from_a_page = headers.contains_key(ORIGIN)
            || headers.get_all("sec-fetch-site").iter().any(|site| site != "none" && site != "same-origin");
        if is_from_a_page {
            return text(StatusCode::FORBIDDEN, "Forbidden");
        }
        let _ = self.step(Phase::Waiting, Phase::Settled) || self.step(Phase::Exchanging, Phase::Settled);
        self.asked_to_leave.cancel();
        text(StatusCode::OK, "Login cancelled")
    }

    /// Goes from one phase to the next; of several who try, one succeeds.
    fn step(&self, from: Phase, to: Phase) -> bool {
        let mut phase = self.phase();
        let is_first = *phase == from;
        if is_first {
            *phase = to;
        }
        is_first
    }

    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn text(status: StatusCode, words: &'static str) -> Answer {
    with_headers(status, "text/plain; charset=utf-8", Bytes::from_static(words.as_bytes()))
}

fn html(page: String) -> Answer {
    with_headers(StatusCode::OK, "text/html; charset=utf-8", page.into())
}

fn with_headers(status: StatusCode, kind: &'static str, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    for (name, value) in [
        (header::CONTENT_TYPE, kind),
        (header::CONNECTION, "close"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}
