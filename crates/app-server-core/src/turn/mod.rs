//! One turn: one user input and all that follows from it. A turn runs as its own task, and so does each tool it calls.

pub(crate) mod context;

mod adjust;
mod approval;
mod closing;
mod compact;
mod conversation;
mod failure;
mod input;
mod items;
mod opening;
mod plan;
mod review;
mod run;

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use app_server_config::ModelInfo;
use app_server_patch::TurnDiff;
use app_server_protocol::v2::{
    CodexErrorInfo, NonSteerableTurnKind, ThreadItem, TurnDiffUpdatedNotification, TurnError, UserInput,
};
use app_server_protocol::{RequestId, ServerNotification};
use serde_json::value::RawValue;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

pub(crate) use adjust::Adjustments;
pub(crate) use approval::{CommandAnswer, NoAnswer, PatchAnswer, ask, ask_about_command, ask_about_patch};
pub(crate) use compact::run_compaction;
pub(crate) use context::SeededContext;
pub(crate) use conversation::{Conversation, Replacement, SharedConversation};
pub(crate) use input::{image_data_url, text_message};
pub(crate) use review::{Review, ReviewForm, merge_base};
pub(crate) use run::{record_usage, run, run_command, store_start};

use crate::agents::Identity;
use crate::hooks::TurnHooks;
use crate::secrets::Secrets;
use crate::thread::{Settings, ThreadShared};
use crate::tools::UserCommand;

/// What is given to a turn while it runs: input (steering), and commands of the user's own, which run beside it. The lock
/// is held for a look or a change only.
#[derive(Default)]
pub(crate) struct PendingInput {
    state: Mutex<Pending>,
    /// There is input, or a command has ended. The turn's task alone waits for it.
    changed: Notify,
}

#[derive(Default)]
struct Pending {
    queue: VecDeque<TurnInput>,
    /// Commands of the user's own that run.
    commands: usize,
    /// The turn has decided to end: nothing more is taken.
    closed: bool,
}

/// A command of the user's own that runs within a turn, which does not end before this is dropped.
pub(crate) struct CommandInTurn(Arc<PendingInput>);

impl Drop for CommandInTurn {
    fn drop(&mut self) {
        self.0.lock().commands -= 1;
        self.0.changed.notify_one();
    }
}

/// One user message.
#[derive(Debug)]
pub(crate) struct TurnInput {
    pub(crate) content: Vec<UserInput>,
    pub(crate) client_id: Option<String>,
    /// What the model alone is told, where nobody has written.
    unseen: Option<String>,
}

impl TurnInput {
    /// Takes the user's words, known secrets masked: whoever pastes a key does not mean it to be stored and sent.
    pub(crate) fn new(mut content: Vec<UserInput>, client_id: Option<String>, secrets: &Secrets) -> Self {
        for part in &mut content {
            if let UserInput::Text { text, text_elements } = part
                && let Cow::Owned(masked) = secrets.mask(text)
            {
                *text = masked;
                // They point at places in the text, which have moved.
                text_elements.clear();
            }
        }
        TurnInput { content, client_id, unseen: None }
    }

    /// What the model is told in a turn nobody asked for. The client is shown no item of it.
    pub(crate) fn unseen(text: String) -> Self {
        TurnInput { content: Vec::new(), client_id: None, unseen: Some(text) }
    }
}

impl PendingInput {
    /// Hands input to the turn.
    ///
    /// # Errors
    /// Gives it back when the turn takes no more.
    pub(crate) fn push(&self, input: TurnInput) -> Result<(), TurnInput> {
        let mut pending = self.lock();
        if pending.closed {
            return Err(input);
        }
        pending.queue.push_back(input);
        drop(pending);
        self.changed.notify_one();
        Ok(())
    }

    /// Makes room for a command of the user's own; `None` when the turn takes no more.
    pub(crate) fn begin_command(self: &Arc<Self>) -> Option<CommandInTurn> {
        let mut pending = self.lock();
        if pending.closed {
            return None;
        }
        pending.commands += 1;
        Some(CommandInTurn(Arc::clone(self)))
    }

    fn is_empty(&self) -> bool {
        self.lock().queue.is_empty()
    }

    fn take(&self) -> VecDeque<TurnInput> {
        std::mem::take(&mut self.lock().queue)
    }

    /// Waits until there is input or nothing runs any more. Returns whether there is input; without any, nothing more
    /// is taken.
    async fn goes_on(&self) -> bool {
        loop {
            {
                let mut pending = self.lock();
                if !pending.queue.is_empty() {
                    return true;
                }
                if pending.commands == 0 {
                    pending.closed = true;
                    return false;
                }
            }
            self.changed.notified().await;
        }
    }

    /// Ends the taking of input. Returns what no turn has taken.
    fn close(&self) -> VecDeque<TurnInput> {
        self.lock().closed = true;
        self.take()
    }

    /// Waits for the user's commands.
    async fn commands_ended(&self) {
        while self.lock().commands > 0 {
            self.changed.notified().await;
        }
    }

    /// Whether the turn has decided to end.
    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tools of one turn at work at once.
pub(crate) const TOOL_SLOTS: usize = 16;

/// How long the end of a turn waits for what its commands left running to be gone; they are killed by then.
const LEFTOVERS_WITHIN: Duration = Duration::from_millis(400);

/// Everything a turn works with. Shared by the turn, its tools and the terminals it opened, which may outlive it.
pub(crate) struct TurnContext {
    pub(crate) thread: Arc<ThreadShared>,
    /// What the turn's model sees and its items are added to: the thread's, or a reviewer's own.
    pub(crate) conversation: SharedConversation,
    pub(crate) turn_id: String,
    /// The turn of the user's that this one belongs to: itself, but for agents.
    pub(crate) root_turn_id: String,
    /// What the thread knows of itself if it is an agent's.
    pub(crate) agent: Option<Identity>,
    /// Unix seconds, as told in `turn/started`.
    pub(crate) started_at: Option<i64>,
    pub(crate) settings: Settings,
    /// What is known of the model in use.
    pub(crate) model_info: ModelInfo,
    pub(crate) cancel: CancellationToken,
    pub(crate) pending: Arc<PendingInput>,
    /// Of a turn that is no conversation and takes no input.
    pub(crate) not_steerable: Option<NonSteerableTurnKind>,
    /// The schema of the final answer.
    pub(crate) output_schema: Option<Box<RawValue>>,
    /// What the client has changed since.
    pub(crate) adjustments: Adjustments,
    /// The tier of this turn alone.
    pub(crate) service_tier: Option<String>,
    /// Whether the client asked for the model's items as they are.
    pub(crate) raw_events: bool,
    /// Tools at work at once; what a response calls beyond that waits.
    pub(crate) tool_slots: Semaphore,
    /// How often the model has used each call id in this turn.
    pub(crate) call_ids: Mutex<HashMap<String, usize>>,
    /// What patches have changed in this turn. The lock is held while the files are compared.
    pub(crate) diff: Mutex<TurnDiff>,
    /// Cancelled when the turn has ended: what its commands left in the background ends then.
    pub(crate) ended: CancellationToken,
    /// Tasks that wait for such leftovers.
    pub(crate) leftovers: TaskTracker,
    /// What hooks have had to say.
    pub(crate) hooks: TurnHooks,
    /// Questions the turn's end has withdrawn; the client is told when the turn is completed.
    pub(crate) withdrawn: Mutex<Vec<RequestId>>,
}

impl TurnContext {
    /// Tells the client, unless it has unsubscribed.
    pub(crate) fn notify(&self, notification: ServerNotification) {
        self.thread.listener.notify(notification);
    }

    /// What the model's server is to know the conversation by: a reviewer's is not the thread's, and keeping them apart
    /// keeps what it remembers of each.
    fn session_id(&self) -> &str {
        if self.is_review() { &self.turn_id } else { self.thread.id() }
    }

    /// What the model's server is told of who asks, if it is not the user's own thread.
    fn subagent(&self) -> Option<&'static str> {
        match (self.is_review(), &self.agent) {
            (true, _) => Some("review"),
            (false, Some(_)) => Some("collab_spawn"),
            (false, None) => None,
        }
    }

    /// Whether the model is a reviewer with a conversation of its own.
    pub(crate) fn is_review(&self) -> bool {
        self.not_steerable == Some(NonSteerableTurnKind::Review)
    }

    /// Waits while the client is slow; the end of the turn does not wait.
    pub(crate) async fn keep_pace(&self) {
        let host = &self.thread.services.host;
        if host.is_congested() {
            tokio::select! {
                () = host.drained() => {}
                () = self.cancel.cancelled() => {}
            }
        }
    }

    /// The item id of a call. Some models use an id again, and then two items must not be taken for one.
    pub(crate) fn item_id(&self, call_id: &str) -> String {
        let mut ids = self.call_ids.lock().unwrap_or_else(PoisonError::into_inner);
        let uses = ids.entry(call_id.to_owned()).or_default();
        *uses += 1;
        if *uses == 1 { call_id.to_owned() } else { format!("{call_id}-{uses}") }
    }

    /// Whether the model has called a tool in this turn.
    pub(crate) fn has_called_tools(&self) -> bool {
        !self.call_ids.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Takes back a question to the client, which is told when the turn is completed.
    pub(crate) fn withdraw_question(&self, id: RequestId) {
        self.withdrawn.lock().unwrap_or_else(PoisonError::into_inner).push(id);
    }

    /// Tells of the turn's diff, if it is not the one told last.
    pub(crate) fn tell_diff(&self) {
        let changed = self.diff.lock().unwrap_or_else(PoisonError::into_inner).changed_text();
        if let Some(diff) = changed {
            let diff = self.thread.services.secrets().mask(&diff).into_owned();
            self.notify(ServerNotification::TurnDiffUpdated(TurnDiffUpdatedNotification {
                diff,
                thread_id: self.thread.id().to_owned(),
                turn_id: self.turn_id.clone(),
            }));
        }
    }

    /// Ends what the turn's commands left running. An interrupted turn keeps no terminals either, nor does a review,
    /// whose model is the only one to know of them.
    async fn end_leftovers(&self) {
        if self.cancel.is_cancelled() || self.is_review() {
            self.thread.terminals.end(|terminal| terminal.turn_id() == self.turn_id).await;
        }
        self.ended.cancel();
        self.leftovers.close();
        if tokio::time::timeout(LEFTOVERS_WITHIN, self.leftovers.wait()).await.is_err() {
            tracing::warn!(turn = %self.turn_id, "processes of a turn are slow to die");
        }
    }
}

/// How a turn ended.
#[derive(Debug)]
pub(crate) enum TurnEnd {
    Completed,
    Interrupted,
    Failed(Box<TurnError>),
}

/// What a turn leaves behind besides the conversation.
#[derive(Debug)]
pub(crate) struct TurnOutcome {
    pub(crate) end: TurnEnd,
    /// The last message to the user, shown in `turn/completed`.
    pub(crate) last_message: Option<ThreadItem>,
}

/// What a turn does.
pub(crate) enum Work {
    /// Answers the user.
    Model(TurnInput),
    /// Runs a command of the user's own.
    UserCommand(UserCommand),
    /// Compacts the model's history.
    Compact,
    /// Reviews changes.
    Review(Box<Review>),
}

impl Work {
    /// The kind of work that takes no input while it is done.
    pub(crate) fn not_steerable(&self) -> Option<NonSteerableTurnKind> {
        match self {
            Work::Model(_) | Work::UserCommand(_) => None,
            Work::Compact => Some(NonSteerableTurnKind::Compact),
            Work::Review(_) => Some(NonSteerableTurnKind::Review),
        }
    }
}

/// Runs a turn to its end. A panic fails the turn and leaves the conversation usable.
pub(crate) async fn run_guarded(context: Arc<TurnContext>, work: Work) -> TurnOutcome {
    // Of the highest level, as that of a request.
    let span = tracing::error_span!("turn", thread = context.thread.id(), turn = %context.turn_id);
    run_to_end(context, work).instrument(span).await
}

async fn run_to_end(context: Arc<TurnContext>, work: Work) -> TurnOutcome {
    tracing::debug!("begins");
    let asks_model = matches!(work, Work::Model(_));
    let outcome = guarded(async {
        match work {
            Work::Model(input) => run(&context, input).await,
            Work::UserCommand(command) => run_command(&context, command).await,
            Work::Compact => run_compaction(&context).await,
            Work::Review(review) => review.run(&context).await,
        }
    })
    .await;
    // The client was told that it is taken, so it is on record even if the turn did not get to it.
    for input in context.pending.close() {
        context.take_input(input);
    }
    context.pending.commands_ended().await;
    context.end_leftovers().await;
    closing::after_end(&context, asks_model, &outcome).await;
    tracing::debug!("ends");
    outcome
}

/// Makes a failure of a panic.
async fn guarded(turn: impl Future<Output = TurnOutcome>) -> TurnOutcome {
    let mut turn = Box::pin(turn);
    std::future::poll_fn(|task| {
        std::panic::catch_unwind(AssertUnwindSafe(|| turn.as_mut().poll(task)))
            .unwrap_or(std::task::Poll::Ready(panicked()))
    })
    .await
}

/// What the model reads in place of the rest of an interrupted turn.
pub(crate) fn interrupted_marker() -> Box<RawValue> {
    input::text_message("user", include_str!("../prompts/interrupted.md").trim_end())
}

impl TurnOutcome {
    /// What is known of a turn that ended by an error of ours.
    pub(crate) fn lost() -> Self {
        panicked()
    }
}

fn panicked() -> TurnOutcome {
    let error = TurnError {
        message: "the turn failed because of an error in the server".to_owned(),
        codex_error_info: Some(CodexErrorInfo::Other),
        additional_details: None,
        misalignment: None,
    };
    TurnOutcome { end: TurnEnd::Failed(Box::new(error)), last_message: None }
}
