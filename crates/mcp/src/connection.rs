//! The connection to one server: handshake, lists, calls, resources, and its end.

use std::error::Error;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use app_server_http::HttpClient;
use rmcp::RoleClient;
use rmcp::model::{ClientRequest, CustomRequest, ErrorCode, ServerPeerInfo, ServerResult};
use rmcp::service::{
    ClientInitializeError, Peer, PeerRequestOptions, RequestHandle, RunningService, ServiceError,
    serve_client_with_ct,
};
use rmcp::transport::streamable_http_client::{
    AuthRequiredError, StreamableHttpClientWorker, StreamableHttpError,
};
use rmcp::transport::{DynamicTransportError, Transport, WorkerTransport};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::handler::Handler;
use crate::http::{HttpFailure, Wire};
use crate::message;
use crate::stdio::StdioTransport;
use crate::tap::{Calls, OnProgress, OpenCall, Tap};
use crate::{Endpoint, Listener, McpError};

/// How many pages of a list are read; a server that has more does not end.
const MAX_PAGES: usize = 200;
/// How long the end of a connection is waited for.
const CLOSING: Duration = Duration::from_secs(3);

/// What a server said of itself in the handshake.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerInfo {
    /// `serverInfo` as it was sent: `name`, `version`, perhaps `title`, `description`, `icons`, `websiteUrl`.
    pub info: Value,
    /// `capabilities` as they were sent.
    pub capabilities: Value,
    /// How its tools want to be used, in its own words.
    pub instructions: Option<String>,
    /// The version of the protocol both speak.
    pub protocol_version: String,
}

/// One tool of a server.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedTool {
    /// The name the server gave it.
    pub name: String,
    /// The tool as it was listed: `name`, `description`, `inputSchema`, perhaps `title`, `outputSchema`, `annotations`,
    /// `_meta`.
    pub definition: Value,
}

impl ListedTool {
    /// Whether the server says that the tool changes nothing (`annotations.readOnlyHint`).
    pub fn is_read_only(&self) -> bool {
        self.definition.pointer("/annotations/readOnlyHint").and_then(Value::as_bool) == Some(true)
    }
}

/// A call of a tool.
pub struct ToolCall {
    /// The tool's name as the server gave it.
    pub tool: String,
    /// Its arguments; left out when there are none.
    pub arguments: Option<Map<String, Value>>,
    /// `_meta` of the request; a token for progress is added.
    pub meta: Option<Map<String, Value>>,
    /// The caller's name for this call, unique within the connection: what a question of the server is related to.
    pub tag: u64,
    /// How long the answer may take. The time in which the server waits for the user does not count.
    pub limit: Duration,
    /// Hears how far the call has come, in the server's order and always before the call returns. Must not block, nor
    /// use the connection.
    pub progress: Option<OnProgress>,
    /// Ends the call; the server is told.
    pub cancel: CancellationToken,
}

/// A connection after its handshake. Clones share it; it ends with [`Connection::close`], or when the last clone is dropped.
#[derive(Clone)]
pub struct Connection {
    shared: Arc<Shared>,
}

struct Shared {
    service: RunningService<RoleClient, Handler>,
    server: ServerInfo,
    calls: Arc<Calls>,
    ended: CancellationToken,
}

/// What both ways of connecting share.
struct Joints {
    calls: Arc<Calls>,
    listener: Arc<dyn Listener>,
    ended: CancellationToken,
}

impl Joints {
    fn new(listener: Arc<dyn Listener>) -> Self {
        Self { calls: Arc::default(), listener, ended: CancellationToken::new() }
    }

    async fn connect<T>(self, transport: T, version: &str) -> Result<Connection, McpError>
    where
        T: Transport<RoleClient> + 'static,
    {
        let Self { calls, listener, ended } = self;
        let handler = Handler::new(version, listener.clone(), calls.clone(), ended.clone());
        let tap = Tap::new(transport, calls.clone(), listener, ended.clone());
        let serving = serve_client_with_ct(handler, tap, CancellationToken::new());
        let service = Box::pin(serving).await.map_err(not_initialized)?;
        let server = match service.peer().peer_info() {
            Some(info) => server_info(&info),
            None => return Err(McpError::Malformed("the server said nothing of itself".to_owned())),
        };
        Ok(Connection { shared: Arc::new(Shared { service, server, calls, ended }) })
    }
}

impl Connection {
    /// Makes a connection over two byte streams, usually the pipes of a process. No time limit: drop the future to give
    /// up. `version` is ours, for the handshake.
    ///
    /// # Errors
    /// When the streams end or the server does not answer as the protocol wants.
    pub async fn over_stdio<R, W>(
        from_server: R,
        to_server: W,
        version: &str,
        listener: Arc<dyn Listener>,
    ) -> Result<Self, McpError>
    where
        R: AsyncRead + Send + Unpin + 'static,
        W: AsyncWrite + Send + Unpin + 'static,
    {
        Joints::new(listener).connect(StdioTransport::new(from_server, to_server), version).await
    }

    /// Makes a connection over HTTP. No time limit: drop the future to give up. `version` is ours, for the handshake.
    ///
    /// # Errors
    /// When the server is not reached or does not answer as the protocol wants; [`McpError::SignInRequired`] when it asks
    /// for credentials or refuses those it got.
    pub async fn over_http(
        client: &HttpClient,
        endpoint: Endpoint,
        version: &str,
        listener: Arc<dyn Listener>,
    ) -> Result<Self, McpError> {
        let config = endpoint.transport_config()?;
        let client = client.get().await.map_err(|error| McpError::Transport(error.to_string()))?;
        let wire = Wire::new(client.clone(), endpoint.authorization);
        let transport = WorkerTransport::spawn(StreamableHttpClientWorker::new(wire, config));
        Joints::new(listener).connect(transport, version).await
    }

    /// Returns what the server said of itself.
    pub fn server(&self) -> &ServerInfo {
        &self.shared.server
    }

    /// Whether the connection has ended.
    pub fn is_closed(&self) -> bool {
        self.shared.ended.is_cancelled()
    }

    /// Waits for the end of the connection, whoever ends it.
    pub async fn closed(&self) {
        self.shared.ended.cancelled().await;
    }

    /// Ends the connection: what waits for an answer fails, the streams are closed, a session over HTTP is given back.
    /// Waits a few seconds at most.
    pub async fn close(&self) {
        self.shared.service.cancellation_token().cancel();
        if tokio::time::timeout(CLOSING, self.closed()).await.is_err() {
            tracing::debug!("a connection did not end in time");
        }
    }

    /// Returns all tools, page after page; none when the server has none to offer.
    ///
    /// # Errors
    /// When the server does not answer within `limit`, which holds for all pages together.
    pub async fn list_tools(&self, limit: Duration) -> Result<Vec<ListedTool>, McpError> {
        let tools = self.all("tools/list", "tools", limit).await?;
        let named = |definition: Value| {
            let name = definition.get("name")?.as_str()?.to_owned();
            Some(ListedTool { name, definition })
        };
        Ok(tools.into_iter().filter_map(named).collect())
    }

    /// Calls a tool and returns the result as the server sent it: `content`, perhaps `structuredContent`, `isError`, `_meta`.
    ///
    /// # Errors
    /// When there is no result: the server refused, did not answer in time, or is gone. A tool that failed is a result.
    pub async fn call_tool(&self, call: ToolCall) -> Result<Value, McpError> {
        const METHOD: &str = "tools/call";
        let mut params = json!({"name": call.tool});
        if let Some(arguments) = call.arguments {
            params["arguments"] = Value::Object(arguments);
        }
        let open = self.shared.calls.begin(call.tag, call.progress);
        let asked = open.asked.clone();
        let answer = self.ask(METHOD, params, call.meta, Some(&open));
        tokio::select! {
            answer = within(call.limit, asked, answer) => {
                answer.unwrap_or(Err(McpError::Timeout { method: METHOD, after: call.limit }))
            }
            () = call.cancel.cancelled() => Err(McpError::Cancelled),
        }
    }

    /// Returns one page of resources as the server sent it (`resources`, `nextCursor`); an empty one when it has none to offer.
    ///
    /// # Errors
    /// When the server does not answer within `limit`.
    pub async fn list_resources(&self, cursor: Option<&str>, limit: Duration) -> Result<Value, McpError> {
        self.limited_page("resources/list", "resources", cursor, limit).await
    }

    /// Returns one page of templates as the server sent it (`resourceTemplates`, `nextCursor`); an empty one when it has none
    /// to offer.
    ///
    /// # Errors
    /// When the server does not answer within `limit`.
    pub async fn list_resource_templates(
        &self,
        cursor: Option<&str>,
        limit: Duration,
    ) -> Result<Value, McpError> {
        self.limited_page("resources/templates/list", "resourceTemplates", cursor, limit).await
    }

    /// Returns all resources, page after page.
    ///
    /// # Errors
    /// When the server does not answer within `limit`, which holds for all pages together.
    pub async fn all_resources(&self, limit: Duration) -> Result<Vec<Value>, McpError> {
        self.all("resources/list", "resources", limit).await
    }

    /// Returns all templates of resources, page after page.
    ///
    /// # Errors
    /// When the server does not answer within `limit`, which holds for all pages together.
    pub async fn all_resource_templates(&self, limit: Duration) -> Result<Vec<Value>, McpError> {
        self.all("resources/templates/list", "resourceTemplates", limit).await
    }

    /// Returns what a resource holds, as the server sent it (`contents`).
    ///
    /// # Errors
    /// When the server refuses or does not answer within `limit`.
    pub async fn read_resource(&self, uri: &str, limit: Duration) -> Result<Value, McpError> {
        const METHOD: &str = "resources/read";
        in_time(METHOD, limit, self.ask(METHOD, json!({"uri": uri}), None, None)).await
    }

    async fn limited_page(
        &self,
        method: &'static str,
        key: &str,
        cursor: Option<&str>,
        limit: Duration,
    ) -> Result<Value, McpError> {
        in_time(method, limit, self.page(method, key, cursor)).await
    }

    async fn all(&self, method: &'static str, key: &str, limit: Duration) -> Result<Vec<Value>, McpError> {
        in_time(method, limit, self.pages(method, key)).await
    }

    async fn pages(&self, method: &'static str, key: &str) -> Result<Vec<Value>, McpError> {
        let mut all = Vec::new();
        let mut cursor: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let mut page = self.page(method, key, cursor.as_deref()).await?;
            if let Some(Value::Array(entries)) = page.get_mut(key).map(Value::take) {
                all.extend(entries);
            }
            match page.get("nextCursor").and_then(Value::as_str) {
                // Servers have been seen that give the same cursor again.
                Some(next) if !next.is_empty() && cursor.as_deref() != Some(next) => {
                    cursor = Some(next.to_owned())
                }
                _ => return Ok(all),
            }
        }
        tracing::warn!(method, "a server's list has more than {MAX_PAGES} pages; the rest is left out");
        Ok(all)
    }

    /// Returns one page of a list, an empty one when the server does not know the method.
    async fn page(&self, method: &'static str, key: &str, cursor: Option<&str>) -> Result<Value, McpError> {
        let offered = key == "tools" || !self.shared.server.capabilities["resources"].is_null();
        let params = cursor.map_or_else(|| json!({}), |cursor| json!({"cursor": cursor}));
        let page = match offered {
            true => self.ask(method, params, None, None).await,
            false => Ok(Value::Null),
        };
        match page {
            Ok(page) if page[key].is_array() => Ok(page),
            Ok(Value::Null) => Ok(json!({key: []})),
            Ok(_) => Err(McpError::Malformed(format!("the answer to {method} has no {key}"))),
            Err(McpError::Refused { code, .. }) if code == i64::from(ErrorCode::METHOD_NOT_FOUND.0) => {
                Ok(json!({key: []}))
            }
            Err(error) => Err(error),
        }
    }

    /// Asks the server something. A future that is dropped takes the question back.
    async fn ask(
        &self,
        method: &'static str,
        params: Value,
        meta: Option<Map<String, Value>>,
        call: Option<&OpenCall>,
    ) -> Result<Value, McpError> {
        let mut options = PeerRequestOptions::no_options();
        options.meta = meta.and_then(|meta| serde_json::from_value(Value::Object(meta)).ok());
        let request = ClientRequest::CustomRequest(CustomRequest::new(method, Some(params)));
        let peer: &Peer<RoleClient> = self.shared.service.peer();
        let handle = peer.send_cancellable_request(request, options).await.map_err(not_answered)?;
        if let Some(call) = call {
            call.sent(&handle.id, &handle.progress_token);
        }
        let mut asked = Asked(Some(handle));
        tokio::select! {
            biased;
            answer = asked.answer() => answer.map(message::result).map_err(not_answered),
            // The library keeps open questions for seconds after the end.
            () = self.shared.ended.cancelled() => Err(gone()),
        }
    }
}

/// A question that is taken back when nobody waits for its answer.
struct Asked(Option<RequestHandle<RoleClient>>);

impl Asked {
    async fn answer(&mut self) -> Result<ServerResult, ServiceError> {
        let Some(handle) = &mut self.0 else { return Err(ServiceError::TransportClosed) };
        let answer = (&mut handle.rx).await;
        self.0 = None;
        answer.unwrap_or(Err(ServiceError::TransportClosed))
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        if let (Some(handle), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(handle.cancel(None));
        }
    }
}

/// Waits for an answer, but no longer than `limit`; while the user is asked something, the clock stands. None: too long.
async fn within<T>(
    limit: Duration,
    mut asked: watch::Receiver<usize>,
    answer: impl Future<Output = T>,
) -> Option<T> {
    let mut answer = pin!(answer);
    let mut left = limit;
    loop {
        let stands = *asked.borrow_and_update() > 0;
        let since = Instant::now();
        tokio::select! {
            biased;
            answer = &mut answer => return Some(answer),
            Ok(()) = asked.changed() => {
                if !stands {
                    left = left.saturating_sub(since.elapsed());
                }
            }
            () = tokio::time::sleep(left), if !stands => return None,
        }
    }
}

/// Waits for an answer, but no longer than `limit`.
async fn in_time<T>(
    method: &'static str,
    limit: Duration,
    answer: impl Future<Output = Result<T, McpError>>,
) -> Result<T, McpError> {
    tokio::time::timeout(limit, answer).await.unwrap_or(Err(McpError::Timeout { method, after: limit }))
}

fn server_info(info: &ServerPeerInfo) -> ServerInfo {
    ServerInfo {
        info: serde_json::to_value(&info.server_info).unwrap_or_default(),
        capabilities: serde_json::to_value(&info.capabilities).unwrap_or_default(),
        instructions: info.instructions.clone(),
        protocol_version: info.protocol_version.to_string(),
    }
}

fn gone() -> McpError {
    McpError::Closed("the connection to the server has ended".to_owned())
}

/// Says in words of ours why there is no connection.
fn not_initialized(error: ClientInitializeError) -> McpError {
    match error {
        ClientInitializeError::ConnectionClosed(_) => {
            McpError::Closed("the server closed the connection before it answered initialize".to_owned())
        }
        ClientInitializeError::JsonRpcError(error) => refused(&error),
        ClientInitializeError::TransportError { error, .. } => undelivered(&error),
        ClientInitializeError::Cancelled => McpError::Cancelled,
        ClientInitializeError::ExpectedInitResponse(_) | ClientInitializeError::ExpectedInitResult(_) => {
            McpError::Malformed("the answer to initialize cannot be read".to_owned())
        }
        other => McpError::Malformed(other.to_string()),
    }
}

/// Says in words of ours why there is no answer.
fn not_answered(error: ServiceError) -> McpError {
    match error {
        ServiceError::McpError(error) => refused(&error),
        ServiceError::TransportSend(error) => undelivered(&error),
        ServiceError::TransportClosed => gone(),
        ServiceError::Cancelled { .. } => McpError::Cancelled,
        other => McpError::Malformed(other.to_string()),
    }
}

fn refused(error: &rmcp::model::ErrorData) -> McpError {
    McpError::Refused { code: i64::from(error.code.0), message: error.message.to_string() }
}

fn undelivered(error: &DynamicTransportError) -> McpError {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error.error.as_ref());
    let mut words = None;
    while let Some(error) = cause {
        if let Some(required) = error.downcast_ref::<AuthRequiredError>() {
            let challenge = required.www_authenticate_header.clone();
            return McpError::SignInRequired { challenge: (!challenge.is_empty()).then_some(challenge) };
        }
        // Its own words would stand in front of ours, and it does not call ours the cause.
        if let Some(StreamableHttpError::Client(failure)) =
            error.downcast_ref::<StreamableHttpError<HttpFailure>>()
        {
            return McpError::Transport(failure.to_string());
        }
        words = Some(error.to_string());
        cause = error.source();
    }
    McpError::Transport(words.unwrap_or_default())
}

#[cfg(test)]
mod tests;
