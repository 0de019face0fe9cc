//! The servers as one thread sees them: those of its configuration, which of their tools the model is offered, and what
//! the user has allowed.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use app_server_config::{Config, Layer, LayerSource};
use app_server_mcp::{Definition, is_server_name};
use app_server_protocol::ServerNotification;
use app_server_protocol::v2::{
    McpServerStartupFailureReason, McpServerStartupState, McpServerStatusUpdatedNotification,
};
use tokio::time::{Instant, timeout_at};

use super::hub::Lease;
use super::server::{Server, Stage};
use super::table::ToolTable;
use super::variable;
use crate::services::Services;
use crate::thread::{Listener, ThreadShared};
use crate::turn::TurnContext;

/// The servers of a configuration, by name.
pub(crate) type Members = BTreeMap<String, Member>;

/// A server of a configuration.
pub(crate) struct Member {
    /// None when it cannot be understood.
    pub(crate) definition: Option<Definition>,
    pub(crate) usage: Usage,
}

/// Whether a server is used.
pub(crate) enum Usage {
    /// The configuration switches it off.
    Disabled,
    /// It may not or cannot be started, for this reason.
    Refused(String),
    Used(Lease),
}

impl Member {
    /// The server, if it is used.
    pub(crate) fn server(&self) -> Option<&Arc<Server>> {
        match &self.usage {
            Usage::Used(lease) => Some(lease.server()),
            Usage::Disabled | Usage::Refused(_) => None,
        }
    }

    fn is_required(&self) -> bool {
        self.definition.as_ref().is_some_and(|definition| definition.required)
    }

    /// Whether a tool, by the name the server gave it, is wanted.
    pub(crate) fn wants(&self, tool: &str) -> bool {
        self.definition.as_ref().is_some_and(|definition| definition.filter.wants(tool))
    }
}

/// What the configuration says about servers. Nothing is started by this.
pub(super) fn members(services: &Services, config: &Config) -> Members {
    config
        .mcp_servers
        .iter()
        .map(|(name, table)| (name.clone(), member(services, config, name, table)))
        .collect()
}

fn member(services: &Services, config: &Config, name: &str, table: &toml::Value) -> Member {
    if !is_server_name(name) {
        let reason = "the name of a server consists of letters, digits, `_` and `-`".to_owned();
        return Member { definition: None, usage: Usage::Refused(reason) };
    }
    let definition = match Definition::from_toml(table) {
        Ok(definition) => definition,
        Err(error) => return Member { definition: None, usage: Usage::Refused(error.to_string()) },
    };
    let usage = if !definition.enabled {
        Usage::Disabled
    } else if let Some(reason) = super::forbidden(config, name, &definition) {
        Usage::Refused(reason)
    } else {
        let key = definition.key(&variable(services));
        Usage::Used(services.mcp.lease(&key, name, &definition, config.mcp_oauth_credentials_store))
    };
    Member { definition: Some(definition), usage }
}

/// The servers of a thread. The lock is held for a look or a change.
pub(crate) struct McpView {
    state: Mutex<State>,
}

struct State {
    config: Arc<Config>,
    /// The folder the configuration was loaded for.
    cwd: PathBuf,
    /// None until the thread needs its servers.
    members: Option<Arc<Members>>,
    table: Arc<ToolTable>,
    /// Whether a turn has waited for the servers to start.
    has_waited: bool,
    /// Tools the user has allowed for the session, by server and tool.
    approved: HashSet<(String, String)>,
}

impl McpView {
    pub(crate) fn new(config: &Arc<Config>, cwd: &Path) -> Self {
        McpView {
            state: Mutex::new(State {
                config: Arc::clone(config),
                cwd: cwd.to_owned(),
                members: None,
                table: Arc::default(),
                has_waited: false,
                approved: HashSet::new(),
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the thread's configuration is loaded from: the folder, and the flags of the request that loaded it.
    pub(super) fn source(&self) -> (PathBuf, Vec<(String, toml::Value)>) {
        let state = self.lock();
        let is_flags = |layer: &&Layer| layer.source == LayerSource::SessionFlags;
        let flags = state.config.layers.iter().find(is_flags);
        let flags = flags.into_iter().flat_map(|layer| layer.table.clone()).collect();
        (state.cwd.clone(), flags)
    }

    /// The configuration the servers are those of.
    pub(super) fn config(&self) -> Arc<Config> {
        Arc::clone(&self.lock().config)
    }

    /// Starts a server again that did not start, and tells of it; after a sign-in.
    pub(super) fn start_again(&self, thread: &Arc<ThreadShared>, name: &str) {
        let members = self.lock().members.clone();
        if let Some(member) = members.as_ref().and_then(|members| members.get(name))
            && member.server().is_some_and(|server| matches!(server.stage(), Stage::Failed(_)))
        {
            begin(thread, name, member, true);
        }
    }

    /// Whether the configuration has servers that are used.
    pub(crate) fn has_servers(&self) -> bool {
        let state = self.lock();
        match &state.members {
            Some(members) => members.values().any(|member| member.server().is_some()),
            None => !state.config.mcp_servers.is_empty(),
        }
    }

    /// Sets the thread's servers going, unless that is done, and tells of it. Does not wait for any.
    pub(crate) fn attach(&self, thread: &Arc<ThreadShared>) -> Arc<Members> {
        let config = {
            let state = self.lock();
            if let Some(members) = &state.members {
                return Arc::clone(members);
            }
            Arc::clone(&state.config)
        };
        let members = Arc::new(members(&thread.services, &config));
        {
            let mut state = self.lock();
            if let Some(members) = &state.members {
                return Arc::clone(members);
            }
            state.members = Some(Arc::clone(&members));
        }
        for (name, member) in members.iter() {
            begin(thread, name, member, false);
        }
        members
    }

    /// Takes over another configuration: what has changed and what had failed is started now, what is gone is let go.
    /// The model learns of it with the next turn. Nothing happens while the thread has not needed its servers.
    pub(super) fn replace(&self, thread: &Arc<ThreadShared>, config: Arc<Config>) {
        let (old, new) = {
            let mut state = self.lock();
            state.config = config;
            let Some(old) = state.members.clone() else { return };
            let new = Arc::new(members(&thread.services, &state.config));
            state.members = Some(Arc::clone(&new));
            state.has_waited = false;
            (old, new)
        };
        for (name, member) in new.iter() {
            let is_same = match (member.server(), old.get(name).and_then(Member::server)) {
                (Some(server), Some(before)) => Arc::ptr_eq(server, before),
                _ => false,
            };
            let has_failed = member.server().is_some_and(|server| matches!(server.stage(), Stage::Failed(_)));
            if !is_same || has_failed {
                begin(thread, name, member, true);
            }
        }
    }

    /// What is offered in the running turn.
    pub(crate) fn table(&self) -> Arc<ToolTable> {
        Arc::clone(&self.lock().table)
    }

    /// Makes the list of tools for a turn. The first turn waits for servers that are starting, at most as long as each
    /// may take to start; what their tools were the last time is good enough. An interrupt ends the waiting.
    ///
    /// # Errors
    /// In words, when a server that is required is not there.
    pub(crate) async fn before_turn(&self, context: &TurnContext) -> Result<(), String> {
        let members = self.attach(&context.thread);
        let has_waited = self.lock().has_waited;
        if !has_waited {
            tokio::select! {
                () = wait(&members) => self.lock().has_waited = true,
                () = context.cancel.cancelled() => return Ok(()),
            }
        }
        for (name, member) in members.iter().filter(|(_, member)| member.is_required()) {
            if let Some(reason) = missing(member) {
                return Err(failed_to_start(name, &reason));
            }
        }
        let before = self.table();
        if let Some(table) = ToolTable::updated(&before, &members) {
            self.lock().table = Arc::new(table);
        }
        Ok(())
    }

    pub(crate) fn is_approved(&self, server: &str, tool: &str) -> bool {
        self.lock().approved.contains(&(server.to_owned(), tool.to_owned()))
    }

    /// Allows a tool for as long as the thread is loaded.
    pub(crate) fn approve(&self, server: &str, tool: &str) {
        self.lock().approved.insert((server.to_owned(), tool.to_owned()));
    }
}

/// Waits until it is known what each server offers, or until it has had the time it may take.
async fn wait(members: &Members) {
    let begun = Instant::now();
    for member in members.values() {
        if let (Some(server), Some(definition)) = (member.server(), &member.definition) {
            let deadline = begun + definition.startup_timeout;
            // A required server must be there, not only known.
            let is_late = match definition.required {
                true => timeout_at(deadline, server.settled()).await.is_err(),
                false => timeout_at(deadline, server.listed()).await.is_err(),
            };
            if is_late {
                tracing::info!("a turn begins without the tools of an MCP server that is still starting");
            }
        }
    }
}

/// Why a server is not there.
fn missing(member: &Member) -> Option<String> {
    match &member.usage {
        Usage::Disabled => None,
        Usage::Refused(reason) => Some(reason.clone()),
        Usage::Used(lease) => match lease.server().stage() {
            Stage::Ready(_) => None,
            Stage::Failed(failure) if failure.was_lost => None,
            Stage::Failed(failure) => Some(failure.reason.clone()),
            Stage::Idle | Stage::Starting | Stage::Ended => Some("it is still starting".to_owned()),
        },
    }
}

/// The words for a server that is not there.
pub(crate) fn failed_to_start(name: &str, reason: &str) -> String {
    format!("MCP client for `{name}` failed to start: MCP startup failed: {reason}")
}

/// Sets one server of a thread going and tells how it goes.
fn begin(thread: &Arc<ThreadShared>, name: &str, member: &Member, again: bool) {
    let listener = &thread.listener;
    match &member.usage {
        Usage::Disabled => {}
        Usage::Refused(reason) => {
            tell(listener, name, McpServerStartupState::Starting, None, None);
            let error = Some(failed_to_start(name, reason));
            tell(listener, name, McpServerStartupState::Failed, error, None);
        }
        Usage::Used(lease) => {
            tell(listener, name, McpServerStartupState::Starting, None, None);
            let server = Arc::clone(lease.server());
            server.start(&thread.services, again);
            let (listener, name) = (listener.clone(), name.to_owned());
            tokio::spawn(async move {
                match server.settled().await {
                    Stage::Ready(_) => tell(&listener, &name, McpServerStartupState::Ready, None, None),
                    Stage::Failed(failure) => {
                        let why = failure
                            .needs_sign_in
                            .then_some(McpServerStartupFailureReason::ReauthenticationRequired);
                        let error = Some(failed_to_start(&name, &failure.reason));
                        tell(&listener, &name, McpServerStartupState::Failed, error, why);
                    }
                    Stage::Idle | Stage::Starting | Stage::Ended => {
                        tell(&listener, &name, McpServerStartupState::Cancelled, None, None);
                    }
                }
            });
        }
    }
}

fn tell(
    listener: &Listener,
    name: &str,
    status: McpServerStartupState,
    error: Option<String>,
    failure_reason: Option<McpServerStartupFailureReason>,
) {
    let thread_id = Some(listener.thread_id().to_owned());
    let name = name.to_owned();
    listener.notify(ServerNotification::McpServerStartupStatusUpdated(McpServerStatusUpdatedNotification {
        error,
        failure_reason,
        name,
        status,
        thread_id,
    }));
}
