//! The conversation of a loaded thread: what the model sees, and the lines that go to its rollout.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use app_server_protocol::ServerNotification;
use app_server_protocol::v2::{ThreadItem, ThreadTokenUsage, WarningNotification};
use app_server_rollout::{Batch, HistoryMode, RolloutWriter};
use serde::Serialize;
use serde_json::value::RawValue;

use super::SeededContext;
use crate::goal::Goal;
use crate::history::History;
use crate::item;
use crate::secrets::KnownSecrets;
use crate::thread::Listener;

/// A conversation that a thread's actor, its turn and its terminals add to. The lock is held for the lines that belong
/// together and never while something is waited for.
#[derive(Clone)]
pub(crate) struct SharedConversation(Arc<Mutex<Conversation>>);

impl SharedConversation {
    pub(crate) fn new(conversation: Conversation) -> Self {
        SharedConversation(Arc::new(Mutex::new(conversation)))
    }

    /// A panic of whoever held it leaves at worst lines that are not written yet.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Conversation> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What takes the place of a history.
pub(crate) enum Replacement<'a> {
    /// The user's words, up to so many tokens, and a text.
    Text { text: &'a str, user_tokens: usize },
    /// These items.
    Items(Vec<Box<RawValue>>),
}

/// What a thread's turns add to.
pub(crate) struct Conversation {
    /// What the model sees.
    pub(crate) history: History,
    /// `None` for an ephemeral thread, and for a conversation within a turn of another.
    pub(crate) rollout: Option<RolloutWriter>,
    /// Lines gathered for the next write.
    pub(crate) batch: Batch,
    /// Tokens used so far; `None` before the first response that said so.
    pub(crate) usage: Option<ThreadTokenUsage>,
    /// The settings the model was last told about; `None` makes the next turn tell all of them.
    pub(crate) seeded: Option<SeededContext>,
    /// The turn in which the model was last told of settings, all of them or changed ones: who drops it drops that.
    pub(crate) context_told_in: Option<String>,
    /// Where completed items go instead, if this conversation is within a turn of another. Who holds the lock of both
    /// took this one's first.
    items_to: Option<SharedConversation>,
    /// What the thread works towards.
    pub(crate) goal: Option<Goal>,
    /// Who is told when lines cannot be written.
    pub(crate) listener: Option<Listener>,
    secrets: Arc<KnownSecrets>,
}

impl Conversation {
    pub(crate) fn new(
        history: History,
        rollout: Option<RolloutWriter>,
        usage: Option<ThreadTokenUsage>,
        secrets: Arc<KnownSecrets>,
    ) -> Self {
        Conversation {
            history,
            rollout,
            batch: Batch::new(),
            usage,
            seeded: None,
            context_told_in: None,
            items_to: None,
            goal: None,
            listener: None,
            secrets,
        }
    }

    /// A conversation within a turn of another: what its model sees is kept nowhere, and its items belong to the other.
    pub(crate) fn within(other: SharedConversation, secrets: Arc<KnownSecrets>) -> Self {
        Conversation { items_to: Some(other), ..Self::new(History::default(), None, None, secrets) }
    }

    /// Adds an item to the model's history and to the lines to be written, known secrets masked wherever they came
    /// from. Returns it as it was recorded.
    pub(crate) fn record<'a>(&mut self, item: &'a RawValue) -> Cow<'a, RawValue> {
        let item = self.masked(item);
        self.history.push(&item);
        if self.rollout.is_some() {
            log_unwritable(self.batch.response_item(&*item));
        }
        item
    }

    /// An item as it would be recorded.
    pub(crate) fn masked<'a>(&self, item: &'a RawValue) -> Cow<'a, RawValue> {
        match self.secrets.mask(item.get()) {
            Cow::Borrowed(_) => Cow::Borrowed(item),
            Cow::Owned(masked) => RawValue::from_string(masked).map_or(Cow::Borrowed(item), Cow::Owned),
        }
    }

    /// Replaces the first `seen` items of the history and adds the line of it. The model is told anew of its
    /// surroundings; that is not recorded, as every reader of the file tells it too.
    pub(crate) fn compact(
        &mut self,
        seen: usize,
        by: Replacement<'_>,
        (seeded, messages): (SeededContext, Vec<Box<RawValue>>),
    ) {
        #[derive(Serialize)]
        struct Compacted<'a> {
            message: &'a str,
            /// Left out where it follows from the message and what was recorded before.
            #[serde(skip_serializing_if = "Option::is_none")]
            replacement_history: Option<Vec<&'a RawValue>>,
        }
        let (message, follows) = match by {
            Replacement::Text { text, user_tokens } => {
                let text = self.secrets.mask(text);
                let follows = self.history.condense(seen, &text, user_tokens);
                (text, follows)
            }
            Replacement::Items(items) => {
                let items = self.all_masked(&items);
                self.history.replace(seen, items);
                ("".into(), false)
            }
        };
        if self.rollout.is_some() {
            let replacement_history = (!follows).then(|| self.history.items().collect());
            log_unwritable(self.batch.compacted(&Compacted { message: &message, replacement_history }));
        }
        let messages = self.all_masked(&messages);
        self.history.push_front(&messages);
        self.seeded = Some(seeded);
    }

    fn all_masked(&self, items: &[Box<RawValue>]) -> Vec<Box<RawValue>> {
        items.iter().map(|item| self.masked(item).into_owned()).collect()
    }

    /// Adds an event line.
    pub(crate) fn event(&mut self, kind: &str, fields: &impl Serialize) {
        if self.rollout.is_some() {
            log_unwritable(self.batch.event(kind, fields));
        }
    }

    /// Adds an event line that only files of the older form have.
    pub(crate) fn legacy_event(&mut self, kind: &str, fields: &impl Serialize) {
        if self.rollout.as_ref().is_some_and(|rollout| rollout.history_mode() == HistoryMode::Legacy) {
            self.event(kind, fields);
        }
    }

    /// Adds the line of a turn's settings.
    pub(crate) fn turn_context(&mut self, context: &impl Serialize) {
        if self.rollout.is_some() {
            log_unwritable(self.batch.turn_context(context));
        }
    }

    /// Adds the lines of a completed item; `seen` is what was recorded of it for the model right before.
    pub(crate) fn item(
        &mut self,
        thread_id: &str,
        turn_id: &str,
        item: &ThreadItem,
        seen: Option<&RawValue>,
    ) {
        if let Some(other) = &self.items_to {
            return other.lock().item(thread_id, turn_id, item, None);
        }
        if let Some(rollout) = &self.rollout {
            let mode = rollout.history_mode();
            log_unwritable(item::write_item(&mut self.batch, mode, thread_id, turn_id, item, seen));
        }
    }

    /// Writes what was gathered, so that it is in the file before the client hears of it. A file that cannot be
    /// written does not end the turn: the lines are kept and tried again with the next ones.
    pub(crate) fn flush(&mut self) {
        if let Some(other) = &self.items_to {
            return other.lock().flush();
        }
        if self.batch.is_empty() {
            return;
        }
        if let Some(rollout) = &mut self.rollout {
            let was_behind = rollout.has_unwritten();
            if let Err(error) = rollout.append(&self.batch) {
                tracing::error!(%error, path = %rollout.path().display(), "cannot write to the rollout");
                // Once is enough until it has worked again.
                if let Some(listener) = self.listener.as_ref().filter(|_| !was_behind) {
                    let message = format!(
                        "The thread cannot be saved: {error}. What is not saved is kept and tried again; it is lost if \
                         the server ends before that works."
                    );
                    let thread_id = Some(listener.thread_id().to_owned());
                    listener.notify(ServerNotification::Warning(WarningNotification { message, thread_id }));
                }
            }
        }
        self.batch.clear();
    }

    /// Writes what was gathered, or forgets it: for lines whose cause is refused when they cannot be written.
    pub(crate) fn flush_or_drop(&mut self) -> std::io::Result<()> {
        let written = match &mut self.rollout {
            Some(rollout) => rollout.append_or_drop(&self.batch),
            None => Ok(()),
        };
        self.batch.clear();
        written
    }
}

fn log_unwritable(result: std::io::Result<()>) {
    if let Err(error) = result {
        tracing::error!(%error, "a rollout line could not be composed");
    }
}
