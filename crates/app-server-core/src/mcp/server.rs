//! One server: it is started, its tools are listed, it is called, and it ends. A task per started server owns its process
//! and its connection; while nothing is asked of the server the task sleeps.

use std::sync::Arc;
use std::time::Duration;

use app_server_config::McpCredentialsStore;
use app_server_mcp::{
    Answer, Answering, Connection, Definition, Elicitation, ListedTool, Listener, McpError, Transport,
};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::calls::Calls;
use super::credentials::Credentials;
use super::{cache, elicit, launch};
use crate::services::Services;

/// A server that failed to start is not tried again sooner, unless somebody asks for it.
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// How long a failed call waits for the reason.
const WHY_WITHIN: Duration = Duration::from_secs(1);

/// A server of the hub's, used by any number of threads.
pub(crate) struct Server {
    key: String,
    /// Of the thread that used it first; for logs.
    name: String,
    definition: Definition,
    /// Where sign-ins are kept.
    store: McpCredentialsStore,
    stage: watch::Sender<Stage>,
    /// What it offers, as far as is known: from the cache until it has started.
    tools: watch::Sender<Option<Arc<Vec<ListedTool>>>>,
    calls: Arc<Calls>,
    stop: CancellationToken,
}

/// How far a server is.
#[derive(Clone)]
pub(crate) enum Stage {
    /// Nobody has started it.
    Idle,
    Starting,
    Ready(Connection),
    Failed(Arc<Failure>),
    /// It was ended by us, with the session or because nobody used it.
    Ended,
}

/// Why a server is not there.
#[derive(Debug)]
pub(crate) struct Failure {
    /// In words, secrets masked.
    pub(crate) reason: String,
    /// The user must sign in first.
    pub(crate) needs_sign_in: bool,
    /// It had started and went away: the next call may start it again.
    pub(crate) was_lost: bool,
    at: Instant,
}

impl Failure {
    fn new(services: &Services, error: &Broken) -> Self {
        Failure {
            reason: services.secrets().mask(&error.words).into_owned(),
            needs_sign_in: error.needs_sign_in,
            was_lost: false,
            at: Instant::now(),
        }
    }
}

impl Stage {
    /// Whether it is known how the start ended.
    pub(crate) fn is_settled(&self) -> bool {
        !matches!(self, Stage::Idle | Stage::Starting)
    }
}

/// An error of the start, not masked yet.
struct Broken {
    words: String,
    needs_sign_in: bool,
}

impl Broken {
    fn new(words: impl Into<String>) -> Self {
        Broken { words: words.into(), needs_sign_in: false }
    }
}

impl From<McpError> for Broken {
    fn from(error: McpError) -> Self {
        Broken {
            needs_sign_in: matches!(error, McpError::SignInRequired { .. }),
            ..Broken::new(error.to_string())
        }
    }
}

/// A started server.
struct Live {
    connection: Connection,
    /// None for one that is reached over HTTP.
    process: Option<launch::Running>,
}

/// What a server says by itself.
struct Ears {
    calls: Arc<Calls>,
    tools_changed: Arc<Notify>,
}

impl Listener for Ears {
    fn tools_changed(&self) {
        self.tools_changed.notify_one();
    }

    fn elicit(&self, elicitation: Elicitation) -> Answering {
        match elicitation.call.and_then(|tag| self.calls.get(tag)) {
            Some(scope) => Box::pin(elicit::answer(scope, elicitation)),
            None => {
                tracing::info!("an MCP server asked the user something outside of any call");
                Box::pin(std::future::ready(Answer {
                    action: app_server_mcp::Action::Decline,
                    content: None,
                }))
            }
        }
    }
}

impl Server {
    pub(super) fn new(key: &str, name: &str, definition: Definition, store: McpCredentialsStore) -> Self {
        Server {
            key: key.to_owned(),
            name: name.to_owned(),
            definition,
            store,
            stage: watch::Sender::new(Stage::Idle),
            tools: watch::Sender::new(None),
            calls: Arc::default(),
            stop: CancellationToken::new(),
        }
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    pub(crate) fn stage(&self) -> Stage {
        self.stage.borrow().clone()
    }

    /// What it offers, as far as is known.
    pub(crate) fn tools(&self) -> Option<Arc<Vec<ListedTool>>> {
        self.tools.borrow().clone()
    }

    /// Whether it is reached at this address.
    pub(super) fn is_at(&self, url: &str) -> bool {
        matches!(&self.definition.transport, Transport::Http(http) if http.url == url)
    }

    /// Whether the user has signed in to it.
    pub(super) async fn is_signed_in(&self, services: &Services) -> bool {
        let Transport::Http(http) = &self.definition.transport else { return false };
        let credentials = Credentials::new(services.config.codex_home(), self.store, &self.name, &http.url);
        let stored = tokio::task::spawn_blocking(move || credentials.load());
        matches!(stored.await, Ok(Ok(Some(_))))
    }

    pub(crate) fn calls(&self) -> &Arc<Calls> {
        &self.calls
    }

    /// Ends the server for good.
    pub(super) fn end(&self) {
        self.stop.cancel();
        self.stage.send_if_modified(|stage| {
            let is_idle = matches!(stage, Stage::Idle | Stage::Failed(_));
            if is_idle {
                *stage = Stage::Ended;
            }
            is_idle
        });
    }

    /// Sets the server going, unless it is; one that failed to start only after a pause, or if it is asked for (`again`).
    pub(crate) fn start(self: &Arc<Self>, services: &Arc<Services>, again: bool) {
        let begins = self.stage.send_if_modified(|stage| {
            let begins = match stage {
                Stage::Idle => true,
                Stage::Failed(failure) => again || failure.was_lost || failure.at.elapsed() >= RETRY_AFTER,
                Stage::Starting | Stage::Ready(_) | Stage::Ended => false,
            };
            if begins {
                *stage = Stage::Starting;
            }
            begins
        });
        if begins {
            services.mcp.run(run(Arc::clone(self), Arc::clone(services)));
        }
    }

    /// Waits until it is known how the start ended.
    pub(crate) async fn settled(&self) -> Stage {
        let mut stage = self.stage.subscribe();
        match stage.wait_for(Stage::is_settled).await {
            Ok(stage) => stage.clone(),
            // The sender is ours.
            Err(_) => Stage::Ended,
        }
    }

    /// Waits until it is known what the server offers, or that it does not start.
    pub(crate) async fn listed(&self) {
        let mut tools = self.tools.subscribe();
        tokio::select! {
            _ = tools.wait_for(Option::is_some) => {}
            _ = self.settled() => {}
        }
    }

    /// The connection, which is made again if it was lost.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub(crate) async fn connection(self: &Arc<Self>, services: &Arc<Services>) -> Result<Connection, String> {
        let is_lost = match self.stage() {
            Stage::Ready(connection) => connection.is_closed(),
            _ => false,
        };
        if is_lost {
            // Its task is about to find out.
            let mut stage = self.stage.subscribe();
            let _ = stage.wait_for(|stage| !matches!(stage, Stage::Ready(_))).await;
        }
        self.start(services, false);
        match self.settled().await {
            Stage::Ready(connection) => Ok(connection),
            Stage::Failed(failure) => Err(failure.reason.clone()),
            Stage::Idle | Stage::Starting | Stage::Ended => Err("the server has been ended".to_owned()),
        }
    }

    /// Why it went away, once that is known.
    pub(crate) async fn why_lost(&self) -> Option<String> {
        let mut stage = self.stage.subscribe();
        let is_known = stage.wait_for(|stage| matches!(stage, Stage::Failed(_) | Stage::Ended));
        match &*timeout(WHY_WITHIN, is_known).await.ok()?.ok()? {
            Stage::Failed(failure) => Some(failure.reason.clone()),
            _ => None,
        }
    }

    fn offer(&self, services: &Arc<Services>, tools: Vec<ListedTool>) {
        let is_new = self.tools().is_none_or(|known| *known != tools);
        if !is_new {
            return;
        }
        let tools = Arc::new(tools);
        self.tools.send_replace(Some(Arc::clone(&tools)));
        let (home, key) = (services.config.codex_home().to_owned(), self.key.clone());
        tokio::task::spawn_blocking(move || cache::write(&home, &key, &tools));
    }

    /// Starts the server, speaks with it for the first time and lists its tools.
    async fn connect(&self, services: &Arc<Services>, tools_changed: &Arc<Notify>) -> Result<Live, Broken> {
        if self.tools().is_none() {
            let (home, key) = (services.config.codex_home().to_owned(), self.key.clone());
            let kept = tokio::task::spawn_blocking(move || cache::read(&home, &key)).await;
            if let Ok(Some(tools)) = kept {
                self.tools.send_replace(Some(Arc::new(tools)));
            }
        }
        let starts = services.mcp.starts();
        // Nobody closes it.
        let _permit = starts.acquire().await;
        let ears = Ears { calls: Arc::clone(&self.calls), tools_changed: Arc::clone(tools_changed) };
        let limit = self.definition.startup_timeout;
        let begun = Instant::now();
        let (connection, process) = match &self.definition.transport {
            Transport::Stdio(definition) => {
                let mut running = launch::start(services, definition)
                    .await
                    .map_err(|error| Broken::new(error.to_string()))?;
                let (Some(stdout), Some(stdin)) =
                    (running.process.stdout.take(), running.process.stdin.take())
                else {
                    return Err(Broken::new("the server has no pipes"));
                };
                let made = Connection::over_stdio(stdout, stdin, services.version, Arc::new(ears));
                match timeout(limit, made).await {
                    Ok(Ok(connection)) => (connection, Some(running)),
                    Ok(Err(McpError::Closed(_) | McpError::Transport(_))) => {
                        let words = running.last_words().await;
                        return Err(Broken::new(words));
                    }
                    Ok(Err(error)) => return Err(Broken::new(running.with_stderr(error.to_string()))),
                    Err(_) => return Err(Broken::new(running.with_stderr(too_late(limit)))),
                }
            }
            Transport::Http(definition) => {
                let endpoint = super::endpoint(services, &self.name, self.store, definition)
                    .map_err(|error| Broken::new(error.to_string()))?;
                let made = Connection::over_http(&services.http, endpoint, services.version, Arc::new(ears));
                match timeout(limit, made).await {
                    Ok(made) => (made?, None),
                    Err(_) => return Err(Broken::new(too_late(limit))),
                }
            }
        };
        let left = limit.saturating_sub(begun.elapsed()).max(Duration::from_millis(1));
        let mut live = Live { connection, process };
        match live.connection.list_tools(left).await {
            Ok(tools) => self.offer(services, tools),
            Err(error) => return Err(live.broken(error, limit).await),
        }
        Ok(live)
    }

    /// Waits for the end of the connection, and keeps the list of tools fresh meanwhile.
    async fn serve(&self, services: &Arc<Services>, live: &mut Live, tools_changed: &Notify) -> Over {
        let connection = live.connection.clone();
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Over::Asked,
                () = connection.closed() => return Over::Lost,
                () = live.exited() => return Over::Lost,
                () = tools_changed.notified() => {}
            }
            let listed = tokio::select! {
                biased;
                () = self.stop.cancelled() => return Over::Asked,
                listed = connection.list_tools(self.definition.startup_timeout) => listed,
            };
            match listed {
                Ok(tools) => self.offer(services, tools),
                Err(error) => {
                    tracing::info!(server = %self.name, %error, "cannot list an MCP server's tools anew")
                }
            }
        }
    }
}

/// Why a server is no longer served.
enum Over {
    Asked,
    Lost,
}

impl Live {
    async fn exited(&mut self) {
        match &mut self.process {
            Some(running) => _ = running.process.wait().await,
            None => std::future::pending().await,
        }
    }

    /// Says why the tools could not be listed.
    async fn broken(&mut self, error: McpError, limit: Duration) -> Broken {
        let is_gone = matches!(error, McpError::Closed(_) | McpError::Transport(_));
        match &mut self.process {
            Some(running) if is_gone => Broken::new(running.last_words().await),
            Some(running) if matches!(error, McpError::Timeout { .. }) => {
                Broken::new(running.with_stderr(too_late(limit)))
            }
            Some(running) => Broken::new(running.with_stderr(error.to_string())),
            None if matches!(error, McpError::Timeout { .. }) => Broken::new(too_late(limit)),
            None => error.into(),
        }
    }

    async fn end(self) {
        self.connection.close().await;
        if let Some(process) = self.process {
            process.end().await;
        }
    }
}

fn too_late(limit: Duration) -> String {
    format!("it did not start within {} s; raise startup_timeout_sec for a slow server", limit.as_secs_f64())
}

/// The task of a server: from its start to its end.
async fn run(server: Arc<Server>, services: Arc<Services>) {
    let tools_changed = Arc::new(Notify::new());
    let connected = tokio::select! {
        biased;
        () = server.stop.cancelled() => None,
        connected = server.connect(&services, &tools_changed) => Some(connected),
    };
    let mut live = match connected {
        None => {
            server.stage.send_replace(Stage::Ended);
            return;
        }
        Some(Err(error)) => {
            let failure = Failure::new(&services, &error);
            tracing::warn!(server = %server.name, reason = %failure.reason, "an MCP server did not start");
            server.stage.send_replace(Stage::Failed(Arc::new(failure)));
            return;
        }
        Some(Ok(live)) => live,
    };
    server.stage.send_replace(Stage::Ready(live.connection.clone()));
    match server.serve(&services, &mut live, &tools_changed).await {
        Over::Asked => {
            server.stage.send_replace(Stage::Ended);
            live.end().await;
        }
        Over::Lost => {
            let words = match &mut live.process {
                Some(running) => running.last_words().await,
                None => "the connection was lost".to_owned(),
            };
            let failure = Failure { was_lost: true, ..Failure::new(&services, &Broken::new(words)) };
            tracing::warn!(server = %server.name, reason = %failure.reason, "an MCP server is gone");
            server.stage.send_replace(Stage::Failed(Arc::new(failure)));
            live.end().await;
        }
    }
}
