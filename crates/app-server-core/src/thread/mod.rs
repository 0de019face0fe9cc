//! Threads. Everything that is asked of one thread, loaded or only stored, goes to its actor and is done there one
//! after the other in the order it arrived (wire specification 1.7).

mod actor;
mod list;
mod loaded;
mod ops;
mod page_cursor;
mod search;
mod search_term;
pub mod sections;
mod settings;
mod shared;
mod status;
mod stored;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use app_server_config::Config;
use app_server_protocol::v2::{
    ReviewStartParams, ReviewStartResponse, ThreadArchiveResponse, ThreadBackgroundTerminalsCleanResponse,
    ThreadBackgroundTerminalsListResponse, ThreadBackgroundTerminalsTerminateResponse,
    ThreadCompactStartResponse, ThreadDeleteResponse, ThreadForkParams, ThreadForkResponse,
    ThreadGoalClearResponse, ThreadGoalGetResponse, ThreadGoalSetParams, ThreadGoalSetResponse,
    ThreadInjectItemsResponse, ThreadItemsListParams, ThreadItemsListResponse, ThreadItemsReadParams,
    ThreadItemsReadResponse, ThreadMetadataUpdateParams, ThreadMetadataUpdateResponse, ThreadReadResponse,
    ThreadResumeParams, ThreadResumeResponse, ThreadRevertResponse, ThreadRollbackResponse,
    ThreadSearchOccurrencesParams, ThreadSearchOccurrencesResponse, ThreadSectionMoveParams,
    ThreadSectionMoveResponse, ThreadSetNameResponse, ThreadSettingsUpdateParams,
    ThreadSettingsUpdateResponse, ThreadShellCommandParams, ThreadShellCommandResponse, ThreadStartParams,
    ThreadStartResponse, ThreadStatus, ThreadTurnsListParams, ThreadTurnsListResponse,
    ThreadUnarchiveResponse, ThreadUnsubscribeResponse, TurnInterruptResponse, TurnSettingsUpdateParams,
    TurnSettingsUpdateResponse, TurnStartParams, TurnStartResponse, TurnSteerParams, TurnSteerResponse,
};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot, watch};
use uuid::Uuid;

use crate::error::CoreError;
use crate::host::Reply;
use crate::services::Services;

pub use list::list;
pub use ops::{AgentInput, AgentOp, AgentSettings, DetachedReview, Forked, Spawned};
pub use search::search;
pub(crate) use settings::{Settings, check_sandbox, configured_sandbox, sandbox_mode_of};
pub(crate) use shared::{Listener, ThreadShared};
pub(crate) use status::Waiting;

/// Requests of one thread that may wait. When it is full the message processor waits, and with it stdin.
const MAILBOX: usize = 64;

/// Something asked of one thread.
#[derive(Debug)]
pub enum ThreadOp {
    /// `thread/start`: the thread is new.
    Start(Box<ThreadStartParams>, Reply<ThreadStartResponse>),
    /// `thread/resume`.
    Resume(Box<ThreadResumeParams>, Reply<ThreadResumeResponse>),
    /// `thread/read`; whether with turns.
    Read(bool, Reply<ThreadReadResponse>),
    /// `thread/archive`.
    Archive(Reply<ThreadArchiveResponse>),
    /// `thread/unarchive`.
    Unarchive(Reply<ThreadUnarchiveResponse>),
    /// `thread/name/set`.
    SetName(String, Reply<ThreadSetNameResponse>),
    /// `thread/unsubscribe`.
    Unsubscribe(Reply<ThreadUnsubscribeResponse>),
    /// `turn/start`.
    StartTurn(Box<TurnStartParams>, Reply<TurnStartResponse>),
    /// `turn/steer`.
    Steer(Box<TurnSteerParams>, Reply<TurnSteerResponse>),
    /// `turn/interrupt`; the turn meant.
    Interrupt(String, Reply<TurnInterruptResponse>),
    /// `turn/settings/update`.
    AdjustTurn(Box<TurnSettingsUpdateParams>, Reply<TurnSettingsUpdateResponse>),
    /// `thread/shellCommand`.
    ShellCommand(ThreadShellCommandParams, Reply<ThreadShellCommandResponse>),
    /// `thread/backgroundTerminals/list`; from which one on, and how many.
    ListTerminals(Option<String>, Option<u32>, Reply<ThreadBackgroundTerminalsListResponse>),
    /// `thread/backgroundTerminals/terminate`; the number of the one meant.
    EndTerminal(String, Reply<ThreadBackgroundTerminalsTerminateResponse>),
    /// `thread/backgroundTerminals/clean`.
    EndTerminals(Reply<ThreadBackgroundTerminalsCleanResponse>),
    /// `thread/fork`, of the source.
    Fork(Box<ThreadForkParams>, Reply<ThreadForkResponse>),
    /// The second half of a fork: the thread is new and becomes the copy.
    BeginFork(Box<Forked>, Reply<ThreadForkResponse>),
    /// `thread/rollback`; how many turns are dropped, at least one.
    Rollback(u32, Reply<ThreadRollbackResponse>),
    /// `thread/revert`; the first turn that is dropped.
    Revert(String, Reply<ThreadRevertResponse>),
    /// `thread/delete`.
    Delete(Reply<ThreadDeleteResponse>),
    /// `thread/metadata/update`.
    UpdateMetadata(Box<ThreadMetadataUpdateParams>, Reply<ThreadMetadataUpdateResponse>),
    /// `thread/inject_items`.
    InjectItems(Vec<Value>, Reply<ThreadInjectItemsResponse>),
    /// `thread/settings/update`.
    UpdateSettings(Box<ThreadSettingsUpdateParams>, Reply<ThreadSettingsUpdateResponse>),
    /// `thread/turns/list`.
    ListTurns(Box<ThreadTurnsListParams>, Reply<ThreadTurnsListResponse>),
    /// `thread/items/list`.
    ListItems(Box<ThreadItemsListParams>, Reply<ThreadItemsListResponse>),
    /// `thread/items/read`.
    ReadItems(Box<ThreadItemsReadParams>, Reply<ThreadItemsReadResponse>),
    /// `thread/compact/start`.
    Compact(Reply<ThreadCompactStartResponse>),
    /// `review/start`.
    Review(Box<ReviewStartParams>, Reply<ReviewStartResponse>),
    /// The second half of a detached review: the thread is new, becomes a copy and is where the review runs.
    BeginReview(Box<DetachedReview>, Reply<ReviewStartResponse>),
    /// `thread/goal/set`.
    SetGoal(Box<ThreadGoalSetParams>, Reply<ThreadGoalSetResponse>),
    /// `thread/goal/get`.
    GetGoal(Reply<ThreadGoalGetResponse>),
    /// `thread/goal/clear`.
    ClearGoal(Reply<ThreadGoalClearResponse>),
    /// `thread/searchOccurrences`.
    SearchOccurrences(Box<ThreadSearchOccurrencesParams>, Reply<ThreadSearchOccurrencesResponse>),
    /// `thread/section/move`.
    MoveToSection(ThreadSectionMoveParams, Reply<ThreadSectionMoveResponse>),
    /// Asked by the model of another thread.
    Agent(AgentOp),
    /// Asks for the configuration it was loaded with and the folder it works in; nothing if it is not loaded.
    TellConfig(oneshot::Sender<Option<(Arc<Config>, PathBuf)>>),
    /// The session ends: stop the turn, write what is unwritten, let go of the file.
    Shutdown(oneshot::Sender<()>),
}

/// What others may know of a thread without asking its actor.
#[derive(Debug, Clone, PartialEq)]
pub struct ThreadState {
    /// Whether it is loaded.
    pub is_loaded: bool,
    /// Its status.
    pub status: ThreadStatus,
}

/// The way to a thread's actor. Dropping it ends the actor.
#[derive(Debug)]
pub struct ThreadHandle {
    ops: mpsc::Sender<ThreadOp>,
    state: watch::Receiver<ThreadState>,
    /// Operations sent and not yet done; counted here so that an idle actor can be dropped without a race.
    unfinished: Arc<AtomicUsize>,
}

impl ThreadHandle {
    /// Hands an operation to the actor, waiting while its mailbox is full.
    pub async fn send(&self, op: ThreadOp) {
        self.unfinished.fetch_add(1, Ordering::AcqRel);
        if self.ops.send(op).await.is_err() {
            // Only a panic ends an actor whose handle lives. The operation's reply was dropped with it, and a dropped
            // reply answers with an error.
            tracing::error!("a thread's actor is gone");
        }
    }

    /// What is known of the thread now.
    pub fn state(&self) -> ThreadState {
        self.state.borrow().clone()
    }

    /// Whether the actor has nothing loaded and nothing to do, so that it may be dropped.
    pub fn is_idle(&self) -> bool {
        self.unfinished.load(Ordering::Acquire) == 0 && !self.state.borrow().is_loaded
    }
}

/// Starts the actor of a thread. Nothing is read before the first operation.
pub fn spawn(services: Arc<Services>, id: Uuid) -> ThreadHandle {
    let (ops, mailbox) = mpsc::channel(MAILBOX);
    let (publish, state) = watch::channel(ThreadState { is_loaded: false, status: ThreadStatus::NotLoaded });
    let unfinished = Arc::new(AtomicUsize::new(0));
    tokio::spawn(actor::run(services, id, mailbox, publish, Arc::clone(&unfinished)));
    ThreadHandle { ops, state, unfinished }
}

/// Reads a thread id.
///
/// # Errors
/// [`CoreError::InvalidThreadId`].
pub fn parse_id(text: &str) -> Result<Uuid, CoreError> {
    Uuid::try_parse(text).map_err(|error| CoreError::InvalidThreadId(error.to_string()))
}

/// Asks a loaded thread for its configuration and the folder it works in.
pub(crate) async fn config_of(
    services: &Services,
    thread_id: &str,
) -> Result<(Arc<Config>, PathBuf), CoreError> {
    let id = parse_id(thread_id)?;
    let (answer, config) = oneshot::channel();
    services.host.hand_over(id, ThreadOp::TellConfig(answer));
    config.await.ok().flatten().ok_or_else(|| CoreError::ThreadNotFound(id.to_string()))
}
