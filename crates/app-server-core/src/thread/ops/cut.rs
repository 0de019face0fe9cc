//! `thread/rollback` and `thread/revert`: a thread without its last turns. The file is only added to: a record in it says
//! which turns are gone. Files of the project stay as the turns left them.

use std::path::PathBuf;
use std::sync::Arc;

use app_server_protocol::ServerNotification;
use app_server_protocol::v2::{
    Thread, ThreadRevertResponse, ThreadRevertedNotification, ThreadRollbackResponse, ThreadStatus,
    ThreadTokenUsageUpdatedNotification, TokenUsageBreakdown,
};
use app_server_rollout::Position;
use serde::Serialize;

use super::pages::PageCursors;
use crate::clock::now_s;
use crate::error::CoreError;
use crate::host::Reply;
use crate::item::{self, TurnEntry, TurnPlace, Want};
use crate::thread::actor::{Actor, blocking};
use crate::thread::loaded::Loaded;
use crate::turn::record_usage;
use crate::turns_text::TurnsText;

/// Which turns go: all from one on.
#[derive(Clone)]
enum First {
    /// The first of this many last ones.
    Last(usize),
    Turn(String),
}

/// A cut that can be made.
struct Cut {
    /// The ids of the turns that stay.
    kept: Vec<String>,
    /// The ids of the turns that go.
    dropped: Vec<String>,
    /// The turns that stay, where they are stored and wanted.
    turns: TurnsText,
    /// Where the last turn that stays is stored.
    last_turn: Option<TurnPlace>,
    /// The file, and where the first turn that goes begins in it.
    stored: Option<(PathBuf, Position)>,
}

impl Actor {
    /// Drops the last `turns` turns.
    pub(in crate::thread) async fn rollback(&mut self, turns: u32, reply: Reply<ThreadRollbackResponse>) {
        let result = self.drop_last(turns).await;
        if let Ok((_, _, true)) = &result {
            self.tell_usage();
        }
        reply.send_with_turns(result.map(|(thread, turns, _)| (ThreadRollbackResponse { thread }, turns)));
    }

    /// Drops the turn and all after it.
    pub(in crate::thread) async fn revert(&mut self, turn_id: String, reply: Reply<ThreadRevertResponse>) {
        let result = self.drop_from(turn_id).await;
        let is_done = result.is_ok();
        reply.send(result);
        if is_done {
            let thread_id = self.id.to_string();
            self.services
                .host
                .notify(ServerNotification::ThreadReverted(ThreadRevertedNotification { thread_id }));
        }
    }

    /// Returns the thread with the turns that are left, and whether any were dropped.
    async fn drop_last(&mut self, turns: u32) -> Result<(Thread, TurnsText, bool), CoreError> {
        if self.live()?.running.is_some() {
            let message = "cannot roll back while a turn is in progress";
            return Err(CoreError::RollbackFailed(message.to_owned()));
        }
        let turns = usize::try_from(turns).unwrap_or(usize::MAX);
        let mut cut = self.plan(First::Last(turns), true).await?;
        let turns_left = std::mem::take(&mut cut.turns);
        let loaded = self.live()?;
        let unknown = turns.saturating_sub(cut.dropped.len());
        let mut is_cut = loaded.cut(cut).await?;
        if loaded.is_ephemeral() && unknown > 0 {
            // Of turns before a compaction only the user's words are left, by which they are counted then.
            is_cut |= loaded.forget_words(unknown);
        }
        Ok((loaded.thread(), turns_left, is_cut))
    }

    async fn drop_from(&mut self, turn_id: String) -> Result<ThreadRevertResponse, CoreError> {
        // A turn that is not there interrupts nothing.
        if self.live()?.running_turn().is_none_or(|running| running.id != turn_id) {
            self.plan(First::Turn(turn_id.clone()), false).await?;
        }
        self.live()?.stop_turn().await;
        let mut cut = self.plan(First::Turn(turn_id), false).await?;
        let PageCursors { turns, items } = PageCursors::from(self.id, cut.last_turn.take());
        self.live()?.cut(cut).await?;
        // As if it had been loaded anew, which it is for the reference.
        self.tell_status(ThreadStatus::NotLoaded);
        let loaded = self.live()?;
        match loaded.shared.status.get() {
            ThreadStatus::Idle => self.tell_status(ThreadStatus::Idle),
            _ => loaded.set_status(ThreadStatus::Idle),
        }
        Ok(ThreadRevertResponse {
            items_backwards_cursor: items,
            thread: self.live()?.thread(),
            turns_backwards_cursor: turns,
        })
    }

    /// Finds out what goes and what stays.
    async fn plan(&mut self, from: First, with_turns: bool) -> Result<Cut, CoreError> {
        let loaded = self.live()?;
        let path = loaded.stored_path();
        {
            let mut conversation = loaded.shared.conversation.lock();
            if path.is_none() {
                let kept: Vec<String> = conversation.history.turn_ids().map(str::to_owned).collect();
                return Cut::of(kept, &from);
            }
            conversation.flush();
            // What an earlier failure left unwritten must be in the file, or turns would be missing in it.
            if let Some(rollout) = &mut conversation.rollout {
                rollout.materialize()?;
            }
        }
        let Some(path) = path else { return Cut::of(Vec::new(), &from) };
        let services = Arc::clone(&self.services);
        blocking(move || {
            let outline = item::outline(&services.store, &path)?;
            let mut cut = Cut::of(outline.turns.iter().map(|turn| turn.id.clone()).collect(), &from)?;
            let left = cut.kept.len();
            if with_turns {
                cut.turns = item::turns_text(&services.store, &outline, 0..left, &mut |_| {})?.finish()?;
            }
            cut.last_turn =
                left.checked_sub(1).and_then(|last| outline.turns.get(last)).map(TurnEntry::place);
            cut.stored = outline.turns.get(left).map(|first| (path, first.first));
            Ok(cut)
        })
        .await
    }

    fn tell_usage(&mut self) {
        let thread_id = self.id.to_string();
        let usage = self.loaded.as_ref().and_then(|loaded| loaded.usage_on_resume());
        if let Some((turn_id, token_usage)) = usage {
            self.services.host.notify(ServerNotification::ThreadTokenUsageUpdated(
                ThreadTokenUsageUpdatedNotification { thread_id, token_usage, turn_id },
            ));
        }
    }
}

impl Cut {
    fn of(mut kept: Vec<String>, from: &First) -> Result<Cut, CoreError> {
        let left = match from {
            First::Last(turns) => kept.len().saturating_sub(*turns),
            First::Turn(turn_id) => kept
                .iter()
                .position(|id| id == turn_id)
                .ok_or_else(|| CoreError::Invalid(format!("turn not found: {turn_id}")))?,
        };
        let dropped = kept.split_off(left);
        Ok(Cut { kept, dropped, turns: TurnsText::default(), last_turn: None, stored: None })
    }
}

impl Loaded {
    /// Makes the cut: in memory, and with a record in the file. Returns whether there was anything to drop.
    async fn cut(&mut self, cut: Cut) -> Result<bool, CoreError> {
        #[derive(Serialize)]
        struct RolledBack<'a> {
            /// Other programs go by this: for what the model sees they take it for the number of the user's messages.
            num_turns: usize,
            /// What this server goes by.
            before_turn_id: &'a str,
        }
        let Some(first) = cut.dropped.first() else { return Ok(false) };
        let (words, known) = {
            let history = &mut self.shared.conversation.lock().history;
            (history.words_since(first), history.cut_before(first))
        };
        let rebuilt = match cut.stored {
            Some((path, until)) if !known => {
                let services = Arc::clone(&self.shared.services);
                let want = Want { turns: false, history: true };
                let read = move || Ok(item::load_until(&services.store, &path, Some(until), want)?.history);
                Some(blocking(read).await?)
            }
            _ => None,
        };
        let mut conversation = self.shared.conversation.lock();
        // What the model was told of the settings must still be there; it is told again if in doubt.
        let is_told = conversation.context_told_in.as_ref().is_some_and(|id| cut.kept.contains(id));
        if rebuilt.is_some() || !is_told {
            conversation.seeded = None;
            conversation.context_told_in = None;
        }
        if let Some(history) = rebuilt {
            conversation.history = history;
        }
        let num_turns = words.unwrap_or(cut.dropped.len());
        conversation.event("thread_rolled_back", &RolledBack { num_turns, before_turn_id: first });
        drop(conversation);
        self.usage_turn_id = cut.kept.last().or(Some(first)).cloned();
        self.count_anew();
        Ok(true)
    }

    /// Drops the last messages of the user's and all after them. Returns whether there were any.
    fn forget_words(&mut self, messages: usize) -> bool {
        let mut conversation = self.shared.conversation.lock();
        let before = conversation.history.estimate_tokens();
        conversation.history.rollback(messages);
        let is_cut = conversation.history.estimate_tokens() != before;
        drop(conversation);
        if is_cut {
            self.count_anew();
        }
        is_cut
    }

    /// Says how long the history is now; what was used stays used.
    fn count_anew(&mut self) {
        let mut conversation = self.shared.conversation.lock();
        let total_tokens = conversation.history.estimate_tokens();
        if let Some(usage) = &mut conversation.usage {
            usage.last = TokenUsageBreakdown { total_tokens, ..TokenUsageBreakdown::default() };
            record_usage(&mut conversation);
        }
        conversation.flush();
        drop(conversation);
        self.updated_at = now_s();
    }
}
