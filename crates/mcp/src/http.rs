//! Streamable HTTP: where a server is, what is shown to it, and how messages travel.
//!
//! Sessions, streams and their resumption are the library's. The requests themselves are made here, with the client that
//! follows no redirect to another host, so that a token goes to the server it is for and to no other.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use app_server_http::{Secret, read_body, reason};
use futures::StreamExt as _;
use futures::stream::{BoxStream, unfold};
use http::header::{ACCEPT, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, StatusCode};
use reqwest::{Client, RequestBuilder, Response};
use rmcp::model::{ClientJsonRpcMessage, ClientRequest, ServerJsonRpcMessage};
use rmcp::transport::common::client_side_sse::SseRetryPolicy;
use rmcp::transport::common::http_header::{HEADER_LAST_EVENT_ID, HEADER_SESSION_ID};
use rmcp::transport::streamable_http_client::{
    AuthRequiredError, SseError, StreamableHttpClient, StreamableHttpClientTransportConfig,
    StreamableHttpError, StreamableHttpPostResponse,
};
use sse_stream::{Sse, SseStream};

use crate::McpError;
use crate::message::{MAX_MESSAGE, decode, disguised};

const JSON: &str = "application/json";
const EVENT_STREAM: &str = "text/event-stream";
/// How much of the body of a refusal is read, in bytes.
const MAX_REFUSAL: usize = 64 * 1024;
/// How much of it is shown, in characters.
const SHOWN_REFUSAL: usize = 300;

/// A token, or none, that comes when it is there.
pub type Token = Pin<Box<dyn Future<Output = Option<Secret>> + Send>>;

/// Gives the bearer tokens of a server.
pub trait Authorization: Send + Sync + 'static {
    /// Returns the token for the next request. None: the request goes without one.
    fn token(&self) -> Token;

    /// Returns a token in place of the one, or the lack of one, that the server has just refused. None, or the same one:
    /// the refusal stands.
    fn instead_of(&self, refused: Option<Secret>) -> Token;
}

/// Where a server is and what every request to it carries.
#[derive(Clone)]
pub struct Endpoint {
    /// The URL, `http` or `https`.
    pub url: String,
    /// Headers of the user's. The values are never shown.
    pub headers: Vec<(String, Secret)>,
    /// The bearer tokens, if there are any.
    pub authorization: Option<Arc<dyn Authorization>>,
}

impl Endpoint {
    /// Returns what the library needs to know.
    pub(crate) fn transport_config(&self) -> Result<StreamableHttpClientTransportConfig, McpError> {
        let url = reqwest::Url::parse(&self.url)
            .map_err(|error| McpError::Transport(format!("the url is not valid: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(McpError::Transport("the url is neither http nor https".to_owned()));
        }
        let mut headers = HashMap::new();
        for (name, value) in &self.headers {
            // What is wrong with a value is not said: it may be a secret.
            let bad = || McpError::Transport(format!("the header {name} cannot be sent"));
            let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
            let mut value = HeaderValue::from_str(value.expose()).map_err(|_| bad())?;
            value.set_sensitive(true);
            headers.insert(key, value);
        }
        let mut config = StreamableHttpClientTransportConfig::with_uri(self.url.as_str())
            .custom_headers(headers)
            .max_sse_event_size(MAX_MESSAGE);
        config.retry_config = Arc::new(Reopening::default());
        Ok(config)
    }
}

/// A token that is always the same.
pub(crate) struct FixedToken(Secret);

impl FixedToken {
    pub(crate) fn new(token: String) -> Self {
        Self(Secret::new(token))
    }
}

impl Authorization for FixedToken {
    fn token(&self) -> Token {
        Box::pin(std::future::ready(Some(self.0.clone())))
    }

    fn instead_of(&self, _refused: Option<Secret>) -> Token {
        Box::pin(std::future::ready(None))
    }
}

/// When a stream the server has closed is opened again: after a second, then more and more rarely, so that a server that
/// keeps closing it costs next to nothing. Given up after five failures in a row.
#[derive(Debug, Default)]
struct Reopening {
    times: AtomicU32,
}

impl SseRetryPolicy for Reopening {
    fn retry(&self, failures: usize) -> Option<Duration> {
        let times = self.times.fetch_add(1, Ordering::Relaxed).min(9);
        (failures < 5).then(|| Duration::from_secs(1 << times))
    }
}

/// Why a request over HTTP came to nothing.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub(crate) struct HttpFailure(pub(crate) String);

type Failure = StreamableHttpError<HttpFailure>;
type Headers = HashMap<HeaderName, HeaderValue>;
type Events = BoxStream<'static, Result<Sse, SseError>>;

fn failed(words: impl Into<String>) -> Failure {
    StreamableHttpError::Client(HttpFailure(words.into()))
}

/// Makes the requests of one connection.
#[derive(Clone)]
pub(crate) struct Wire {
    client: Client,
    authorization: Option<Arc<dyn Authorization>>,
}

impl Wire {
    pub(crate) fn new(client: Client, authorization: Option<Arc<dyn Authorization>>) -> Self {
        Self { client, authorization }
    }

    /// Sends a request, and once more if there is another token after a 401.
    async fn send(&self, request: RequestBuilder, headers: Headers) -> Result<Response, Failure> {
        let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        let send = async |token: Option<&Secret>| {
            let request = request.try_clone().ok_or_else(|| failed("the request cannot be repeated"))?;
            let request = match token {
                Some(token) => request.bearer_auth(token.expose()),
                None => request,
            };
            request.send().await.map_err(|error| failed(reason(error)))
        };
        let Some(authorization) = &self.authorization else { return send(None).await };
        let token = authorization.token().await;
        let response = send(token.as_ref()).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        match authorization.instead_of(token.clone()).await {
            Some(other) if Some(&other) != token.as_ref() => send(Some(&other)).await,
            _ => Ok(response),
        }
    }

    async fn post(
        &self,
        uri: &str,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        headers: Headers,
    ) -> Result<StreamableHttpPostResponse, Failure> {
        let has_session = session.is_some();
        let request = self.client.post(uri).header(ACCEPT, format!("{JSON}, {EVENT_STREAM}")).json(&message);
        let response = self.send(with_session(request, session), headers).await?;
        let status = response.status();
        if let Some(challenge) = challenge(&response) {
            return Err(StreamableHttpError::AuthRequired(AuthRequiredError::new(challenge)));
        }
        if status == StatusCode::NOT_FOUND && has_session {
            return Err(StreamableHttpError::SessionExpired);
        }
        let is_request = matches!(message, ClientJsonRpcMessage::Request(_));
        if matches!(status, StatusCode::ACCEPTED | StatusCode::NO_CONTENT)
            || status.is_success() && !is_request
        {
            return Ok(StreamableHttpPostResponse::Accepted);
        }
        if !status.is_success() {
            return refusal(response).await;
        }
        let is_initialize = matches!(&message, ClientJsonRpcMessage::Request(request)
            if matches!(request.request, ClientRequest::InitializeRequest(_)));
        let session = header(&response, HEADER_SESSION_ID);
        match header(&response, CONTENT_TYPE.as_str()) {
            Some(kind) if kind.starts_with(EVENT_STREAM) => {
                Ok(StreamableHttpPostResponse::Sse(events(response, !is_initialize), session))
            }
            Some(kind) if kind.starts_with(JSON) => {
                let body =
                    read_body(response, MAX_MESSAGE).await.map_err(|error| failed(error.to_string()))?;
                let message = serde_json::from_slice(&body)
                    .ok()
                    .and_then(|message| decode(message, |_| is_initialize))
                    .ok_or_else(|| failed("the server's answer is not a message of the protocol"))?;
                Ok(StreamableHttpPostResponse::Json(message, session))
            }
            kind => Err(failed(format!(
                "the server answered with {} instead of JSON",
                kind.as_deref().unwrap_or("no content type")
            ))),
        }
    }

    async fn listen(
        &self,
        uri: &str,
        session: Option<Arc<str>>,
        last_event: Option<String>,
        headers: Headers,
    ) -> Result<Events, Failure> {
        let mut request = self.client.get(uri).header(ACCEPT, EVENT_STREAM);
        if let Some(last_event) = last_event {
            request = request.header(HEADER_LAST_EVENT_ID, last_event);
        }
        let response = self.send(with_session(request, session), headers).await?;
        let is_stream =
            header(&response, CONTENT_TYPE.as_str()).is_some_and(|kind| kind.starts_with(EVENT_STREAM));
        // A server need not offer the stream, and there is no more to be had from one that refuses it.
        if !response.status().is_success() || !is_stream {
            return Err(StreamableHttpError::ServerDoesNotSupportSse);
        }
        Ok(events(response, true))
    }
}

fn with_session(request: RequestBuilder, session: Option<Arc<str>>) -> RequestBuilder {
    match session {
        Some(session) => request.header(HEADER_SESSION_ID, session.as_ref()),
        None => request,
    }
}

fn header(response: &Response, name: &str) -> Option<String> {
    response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// Returns what a server that wants a sign-in says of it; empty when it says nothing.
fn challenge(response: &Response) -> Option<String> {
    let challenge = header(response, WWW_AUTHENTICATE.as_str()).unwrap_or_default();
    match response.status() {
        StatusCode::UNAUTHORIZED => Some(challenge),
        StatusCode::FORBIDDEN if challenge.contains("insufficient_scope") => Some(challenge),
        _ => None,
    }
}

/// Reads what a server that refused says: an error of the protocol, or some text.
async fn refusal(response: Response) -> Result<StreamableHttpPostResponse, Failure> {
    let status = response.status();
    if status.is_redirection() {
        return Err(failed(format!("HTTP {status}: redirects to another host are not followed")));
    }
    let body = read_body(response, MAX_REFUSAL).await.unwrap_or_default();
    let message = serde_json::from_slice(&body).ok().and_then(|message| decode(message, |_| false));
    if let Some(message @ ServerJsonRpcMessage::Error(_)) = message {
        return Ok(StreamableHttpPostResponse::Json(message, None));
    }
    let text: String = String::from_utf8_lossy(&body)
        .chars()
        .filter(|character| !character.is_control())
        .take(SHOWN_REFUSAL)
        .collect();
    let separator = if text.is_empty() { "" } else { ": " };
    Err(failed(format!("HTTP {status}{separator}{text}")))
}

/// Returns the events of a response, none of them larger than a message may be.
fn events(response: Response, disguise: bool) -> Events {
    let pieces = unfold((response, EventSize::default(), false), async |(mut response, mut size, failed)| {
        if failed {
            return None;
        }
        let piece = match response.chunk().await {
            Ok(None) => return None,
            Ok(Some(piece)) if size.fits(&piece) => Ok(piece),
            Ok(Some(_)) => Err(HttpFailure(format!("an event has more than {} MiB", MAX_MESSAGE >> 20))),
            Err(error) => Err(HttpFailure(reason(error))),
        };
        let failed = piece.is_err();
        Some((piece, (response, size, failed)))
    });
    SseStream::from_bytes_stream(pieces)
        .map(move |event| {
            event.map(|mut event| {
                if disguise {
                    event.data = event.data.map(disguised);
                }
                event
            })
        })
        .boxed()
}

/// Counts the bytes of the current event of a stream.
#[derive(Default)]
struct EventSize {
    bytes: usize,
    line: usize,
}

impl EventSize {
    fn fits(&mut self, piece: &[u8]) -> bool {
        for byte in piece {
            match byte {
                // An empty line ends an event.
                b'\n' if self.line == 0 => self.bytes = 0,
                b'\n' => self.line = 0,
                b'\r' => {}
                _ => self.line += 1,
            }
            self.bytes += 1;
        }
        self.bytes <= MAX_MESSAGE
    }
}

impl StreamableHttpClient for Wire {
    type Error = HttpFailure;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session_id: Option<Arc<str>>,
        _auth_header: Option<String>,
        custom_headers: Headers,
    ) -> Result<StreamableHttpPostResponse, Failure> {
        self.post(&uri, message, session_id, custom_headers).await
    }

    async fn delete_session(
        &self,
        uri: Arc<str>,
        session_id: Arc<str>,
        _auth_header: Option<String>,
        custom_headers: Headers,
    ) -> Result<(), Failure> {
        let request = with_session(self.client.delete(uri.as_ref()), Some(session_id));
        // A courtesy; servers need not know it.
        self.send(request, custom_headers).await.map(drop)
    }

    async fn get_stream(
        &self,
        uri: Arc<str>,
        session_id: Option<Arc<str>>,
        last_event_id: Option<String>,
        _auth_header: Option<String>,
        custom_headers: Headers,
    ) -> Result<Events, Failure> {
        self.listen(&uri, session_id, last_event_id, custom_headers).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_opened_again_ever_more_rarely() {
        let policy = Reopening::default();
        let waits: Vec<_> = (0..12).filter_map(|_| policy.retry(0)).map(|wait| wait.as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 512, 512]);
        assert_eq!(policy.retry(5), None);
    }

    #[test]
    fn the_size_of_an_event_ends_with_an_empty_line() {
        let mut size = EventSize::default();
        assert!(size.fits(b"data: x\r\n\r\n"));
        assert_eq!(size.bytes, 1);
        assert!(!size.fits(&vec![b'x'; MAX_MESSAGE]));
    }
}
