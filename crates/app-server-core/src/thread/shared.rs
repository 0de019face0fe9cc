//! What the actor of a loaded thread, its turn and its terminals share.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use app_server_exec_policy::{ApprovalKey, Rules};
use app_server_protocol::ServerNotification;

use super::status::StatusBoard;
use crate::exec::Terminals;
use crate::hooks::ThreadHooks;
use crate::mcp::McpView;
use crate::services::Services;
use crate::skills::ThreadSkills;
use crate::tools::DynamicTools;
use crate::turn::SharedConversation;

/// The client as one thread sees it: told of everything while it is subscribed.
#[derive(Clone)]
pub(crate) struct Listener {
    services: Arc<Services>,
    thread_id: Arc<str>,
    subscribed: Arc<AtomicBool>,
}

impl Listener {
    pub(super) fn new(services: Arc<Services>, thread_id: &str) -> Self {
        Listener { services, thread_id: thread_id.into(), subscribed: Arc::new(AtomicBool::new(true)) }
    }

    pub(crate) fn thread_id(&self) -> &str {
        &self.thread_id
    }

    /// Tells the client, unless it has unsubscribed.
    pub(crate) fn notify(&self, notification: ServerNotification) {
        if self.subscribed.load(Ordering::Acquire) {
            self.services.host.notify(notification);
        }
    }

    pub(super) fn subscribe(&self) {
        self.subscribed.store(true, Ordering::Release);
    }

    /// Returns whether anybody was subscribed.
    pub(super) fn unsubscribe(&self) -> bool {
        self.subscribed.swap(false, Ordering::AcqRel)
    }
}

/// Lives as long as the thread is loaded, or as long as a turn or a terminal of it.
pub(crate) struct ThreadShared {
    pub(crate) services: Arc<Services>,
    pub(crate) listener: Listener,
    pub(crate) conversation: SharedConversation,
    pub(crate) status: StatusBoard,
    /// Answers that hold for the session.
    pub(crate) approvals: SessionApprovals,
    /// The rules of the user and of trusted projects, read when the thread was loaded; amendments are added.
    pub(crate) rules: Mutex<Rules>,
    /// Commands that run on beside the turn.
    pub(crate) terminals: Terminals,
    pub(crate) dynamic_tools: DynamicTools,
    pub(crate) hooks: ThreadHooks,
    /// The skills there were when its last turn began.
    pub(crate) skills: ThreadSkills,
    /// The MCP servers of its configuration.
    pub(crate) mcp: McpView,
}

impl ThreadShared {
    pub(crate) fn id(&self) -> &str {
        self.listener.thread_id()
    }
}

/// What the client has allowed for as long as the thread is loaded (approvals specification 8). The locks are held for
/// a look or an insertion.
#[derive(Default)]
pub(crate) struct SessionApprovals {
    commands: Mutex<HashSet<ApprovalKey>>,
    files: Mutex<HashSet<PathBuf>>,
    /// Files the client has been warned of: once is enough.
    warned: Mutex<HashSet<PathBuf>>,
}

impl SessionApprovals {
    pub(crate) fn has_command(&self, key: &ApprovalKey) -> bool {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner).contains(key)
    }

    pub(crate) fn add_command(&self, key: ApprovalKey) {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
    }

    pub(crate) fn has_files(&self, paths: &[&Path]) -> bool {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        paths.iter().all(|path| files.contains(*path))
    }

    pub(crate) fn add_files(&self, paths: &[&Path]) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.extend(paths.iter().map(|path| path.to_path_buf()));
    }

    /// Whether the client has not been warned of any of these files yet; it counts as warned then.
    pub(crate) fn warn_of(&self, paths: &[&Path]) -> bool {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        let known = warned.len();
        warned.extend(paths.iter().map(|path| path.to_path_buf()));
        warned.len() > known
    }
}
