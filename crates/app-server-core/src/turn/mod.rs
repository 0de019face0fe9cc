//! One turn: one user input and all that follows from it. A turn runs as its own task and borrows the thread's
//! conversation for that time; its actor owns it again when the task is joined.

mod context;
mod failure;
mod input;
mod items;
mod plan;
mod run;

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use app_server_protocol::ServerNotification;
use app_server_protocol::v2::{CodexErrorInfo, ThreadItem, ThreadTokenUsage, TurnError, UserInput};
use app_server_rollout::{Batch, RolloutWriter};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

pub(crate) use context::SeededContext;
pub(crate) use run::run;

use crate::history::History;
use crate::item;
use crate::services::Services;
use crate::thread::Settings;

/// What a thread's turns share and add to: owned by the actor, lent to the running turn.
pub(crate) struct Conversation {
    /// What the model sees.
    pub(crate) history: History,
    /// `None` for an ephemeral thread.
    pub(crate) rollout: Option<RolloutWriter>,
    /// Lines gathered for the next write.
    pub(crate) batch: Batch,
    /// Tokens used so far; `None` before the first response that said so.
    pub(crate) usage: Option<ThreadTokenUsage>,
    /// The settings the model was last told about; `None` makes the next turn tell all of them.
    pub(crate) seeded: Option<SeededContext>,
}

impl Conversation {
    /// Adds an item to the model's history and to the lines to be written.
    pub(crate) fn record(&mut self, item: &RawValue) {
        self.history.push(item);
        if self.rollout.is_some() {
            log_unwritable(self.batch.response_item(item));
        }
    }

    /// Adds an event line.
    pub(crate) fn event(&mut self, kind: &str, fields: &impl Serialize) {
        if self.rollout.is_some() {
            log_unwritable(self.batch.event(kind, fields));
        }
    }

    /// Adds the line of a turn's settings.
    pub(crate) fn turn_context(&mut self, context: &impl Serialize) {
        if self.rollout.is_some() {
            log_unwritable(self.batch.turn_context(context));
        }
    }

    /// Adds the lines of a completed item.
    pub(crate) fn item(&mut self, thread_id: &str, turn_id: &str, item: &ThreadItem) {
        if let Some(rollout) = &self.rollout {
            let mode = rollout.history_mode();
            log_unwritable(item::write_item(&mut self.batch, mode, thread_id, turn_id, item));
        }
    }

    /// Writes what was gathered, so that it is in the file before the client hears of it. A file that cannot be
    /// written does not end the turn: the lines are kept and tried again with the next ones.
    pub(crate) fn flush(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        if let Some(rollout) = &mut self.rollout
            && let Err(error) = rollout.append(&self.batch)
        {
            tracing::error!(%error, path = %rollout.path().display(), "cannot write to the rollout");
        }
        self.batch.clear();
    }
}

fn log_unwritable(result: std::io::Result<()>) {
    if let Err(error) = result {
        tracing::error!(%error, "a rollout line could not be composed");
    }
}

/// Input given to a turn while it runs (steering). The lock is held for a push or a take only.
#[derive(Default)]
pub(crate) struct PendingInput(Mutex<Pending>);

#[derive(Default)]
struct Pending {
    queue: VecDeque<TurnInput>,
    /// The turn has decided to end: nothing more is taken.
    closed: bool,
}

/// One user message.
#[derive(Debug)]
pub(crate) struct TurnInput {
    pub(crate) content: Vec<UserInput>,
    pub(crate) client_id: Option<String>,
}

impl PendingInput {
    /// Hands input to the turn.
    ///
    /// # Errors
    /// Gives it back when the turn takes no more.
    pub(crate) fn push(&self, input: TurnInput) -> Result<(), TurnInput> {
        let mut pending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if pending.closed {
            return Err(input);
        }
        pending.queue.push_back(input);
        Ok(())
    }

    fn take(&self) -> VecDeque<TurnInput> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).queue)
    }

    /// Ends the taking of input, unless there is some.
    fn close_if_empty(&self) -> bool {
        let mut pending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pending.closed = pending.queue.is_empty();
        pending.closed
    }
}

/// Everything a turn works with that does not change while it runs.
pub(crate) struct TurnContext {
    pub(crate) services: Arc<Services>,
    pub(crate) thread_id: String,
    pub(crate) turn_id: String,
    /// Unix seconds, as told in `turn/started`.
    pub(crate) started_at: Option<i64>,
    pub(crate) settings: Settings,
    /// Set while the client wants this thread's events.
    pub(crate) subscribed: Arc<AtomicBool>,
    pub(crate) cancel: CancellationToken,
    pub(crate) pending: Arc<PendingInput>,
    /// The schema of the final answer.
    pub(crate) output_schema: Option<Box<RawValue>>,
    /// The tier of this turn alone.
    pub(crate) service_tier: Option<String>,
    /// Whether the client asked for the model's items as they are.
    pub(crate) raw_events: bool,
}

impl TurnContext {
    /// Tells the client, unless it has unsubscribed.
    pub(crate) fn notify(&self, notification: ServerNotification) {
        if self.subscribed.load(Ordering::Acquire) {
            self.services.host.notify(notification);
        }
    }

    /// Waits while the client is slow; the end of the turn does not wait.
    pub(crate) async fn keep_pace(&self) {
        if self.services.host.is_congested() {
            tokio::select! {
                () = self.services.host.drained() => {}
                () = self.cancel.cancelled() => {}
            }
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

/// Runs a turn to its end. A panic fails the turn and leaves the conversation usable.
pub(crate) async fn run_guarded(
    context: TurnContext,
    mut conversation: Conversation,
    input: TurnInput,
) -> (Conversation, TurnOutcome) {
    let outcome = {
        let mut turn = Box::pin(run(&context, &mut conversation, input));
        std::future::poll_fn(|task| {
            std::panic::catch_unwind(AssertUnwindSafe(|| turn.as_mut().poll(task)))
                .unwrap_or(std::task::Poll::Ready(panicked()))
        })
        .await
    };
    (conversation, outcome)
}

/// What the model reads in place of the rest of an interrupted turn.
pub(crate) fn interrupted_marker() -> Box<RawValue> {
    input::text_message("user", include_str!("../prompts/interrupted.md").trim_end())
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
