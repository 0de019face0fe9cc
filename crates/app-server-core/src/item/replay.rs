//! Reads a rollout once, from its beginning, for everything that is wanted of it.

use std::ops::{ControlFlow, RangeInclusive};
use std::path::Path;

use app_server_protocol::v2::{ThreadTokenUsage, TokenUsageBreakdown, Turn};
use app_server_rollout::{Body, HeaderError, Position, Record, ScanReport, SessionMeta, Store};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::outline::TurnPlace;
use super::rebuild::{Built, TurnBuilder};
use crate::error::CoreError;
use crate::goal::Goal;
use crate::history::History;

/// What a reader needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Want {
    /// The turns with their items.
    pub(crate) turns: bool,
    /// What going on with the thread needs: the model's history, token usage, the last settings.
    pub(crate) history: bool,
}

/// A thread as its file has it.
pub(crate) struct Loaded {
    pub(crate) meta: SessionMeta,
    pub(crate) report: ScanReport,
    /// Empty unless wanted.
    pub(crate) history: History,
    pub(crate) turns: Option<Vec<Turn>>,
    /// Where the last of the turns is; unknown when they are not wanted.
    pub(crate) last_turn: Option<TurnPlace>,
    pub(crate) usage: Option<ThreadTokenUsage>,
    /// The turn `usage` was counted in; unknown in files without turns, or when turns are not wanted.
    pub(crate) usage_turn_id: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) effort: Option<String>,
    /// What the thread itself works towards.
    pub(crate) goal: Option<Goal>,
}

/// Reads the thread in this file, and what it continues.
///
/// # Errors
/// When the file cannot be read or says nowhere what thread it is.
pub(crate) fn load(store: &Store, path: &Path, want: Want) -> Result<Loaded, CoreError> {
    load_until(store, path, None, want)
}

/// Reads the thread as it was before the record at `until`. What ended later in its turns is in them; the report is
/// about what was read.
///
/// # Errors
/// As [`load`].
pub(crate) fn load_until(
    store: &Store,
    path: &Path,
    until: Option<Position>,
    want: Want,
) -> Result<Loaded, CoreError> {
    let mut reader = Reader { want, ..Reader::default() };
    let report = store.scan_history(path, |record| {
        // The thread's own first record comes before what it continues, though its file is a later one.
        if reader.meta.is_none() || until.is_none_or(|until| record.position < until) {
            reader.take(&record);
        } else if want.turns {
            reader.turns.push_late(&record);
        } else {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    if reader.misses_a_cut {
        reader.history = history_without_cuts(store, path, until)?;
    }
    let Some(meta) = reader.meta else { return Err(HeaderError::NoSessionMeta(path.to_owned()).into()) };
    let usage = reader.usage.as_deref().and_then(read_usage);
    let context = reader.context.as_deref().and_then(read_context);
    // The turn is known by position only until all of them are numbered.
    let mut last_turn = None;
    let turns: Option<Vec<Turn>> = want.turns.then(|| {
        let built: Vec<Built> = reader.turns.finish().collect();
        last_turn = built.last().map(TurnPlace::of);
        built.into_iter().map(|Built { turn, .. }| turn).collect()
    });
    let counted_in = usage.as_ref().and(reader.usage_turn);
    let usage_turn_id = reader.usage_turn_id.or_else(|| {
        let turns = turns.as_ref()?;
        Some(turns.get(counted_in?).or_else(|| turns.last())?.id.clone())
    });
    let (model, effort) = context.unwrap_or_default();
    let history = reader.history;
    let goal = reader.goal;
    Ok(Loaded { meta: *meta, report, history, turns, last_turn, usage, usage_turn_id, model, effort, goal })
}

/// Reads the model's history of a file in which turns were dropped that began where the history could not tell: before
/// a compaction, or without a name. It takes a pass for where they are and one for what is not in them.
fn history_without_cuts(store: &Store, path: &Path, until: Option<Position>) -> Result<History, CoreError> {
    let is_wanted = |record: &Record<'_>| until.is_none_or(|until| record.position < until);
    let mut turns = TurnBuilder::default();
    store.scan_history(path, |record| {
        if is_wanted(&record) {
            turns.push(&record);
        }
        ControlFlow::Continue(())
    })?;
    let cuts = turns.into_cuts();
    let is_cut = |position: Position| cuts.iter().any(|cut: &RangeInclusive<_>| cut.contains(&position));
    let want = Want { turns: false, history: true };
    let mut reader = Reader { want, is_without_cuts: true, ..Reader::default() };
    store.scan_history(path, |record| {
        if is_wanted(&record) && !is_cut(record.position) {
            reader.take(&record);
        }
        ControlFlow::Continue(())
    })?;
    Ok(reader.history)
}

#[derive(Default)]
struct Reader {
    want: Want,
    meta: Option<Box<SessionMeta>>,
    history: History,
    turns: TurnBuilder,
    /// The last counts and settings, parsed at the end: there is one of each per response.
    usage: Option<String>,
    context: Option<String>,
    goal: Option<Goal>,
    usage_turn: Option<usize>,
    /// The ids of the turns that began and were not dropped, for readers that do not want turns.
    turn_ids: Vec<String>,
    usage_turn_id: Option<String>,
    /// Turns were dropped whose beginning the history does not know.
    misses_a_cut: bool,
    /// What was dropped by name is not read at all.
    is_without_cuts: bool,
}

impl Default for Want {
    fn default() -> Self {
        Want { turns: true, history: true }
    }
}

impl Reader {
    fn take(&mut self, record: &Record<'_>) {
        if self.want.turns {
            self.turns.push(record);
        }
        match &record.body {
            Body::SessionMeta(meta) => {
                self.meta.get_or_insert_with(|| meta.clone());
            }
            _ if !self.want.history => {}
            Body::ResponseItem(raw) => self.history.push(raw),
            Body::Compacted(raw) => self.compacted(raw),
            Body::TurnContext(raw) if raw.get().contains(r#""model":"#) => keep(&mut self.context, raw),
            Body::Event(event) => match event.kind.as_ref() {
                "token_count" if event.payload.get().contains(r#""total_token_usage":"#) => {
                    keep(&mut self.usage, event.payload);
                    self.usage_turn = self.turns.open_turn();
                    self.usage_turn_id = self.turn_ids.last().cloned();
                }
                "task_started" | "turn_started" => {
                    #[derive(Deserialize)]
                    struct Started {
                        turn_id: String,
                    }
                    if let Ok(Started { turn_id }) = serde_json::from_str(event.payload.get()) {
                        self.history.begin_turn(&turn_id);
                        self.turn_ids.push(turn_id);
                    }
                }
                "thread_goal_updated" => {
                    let id = self.meta.as_ref().map(|meta| meta.id.to_string()).unwrap_or_default();
                    if let Some(goal) = Goal::read(event.payload.get(), &id) {
                        self.goal = goal;
                    }
                }
                "thread_rolled_back" => {
                    #[derive(Deserialize)]
                    struct RolledBack {
                        num_turns: usize,
                        #[serde(default)]
                        before_turn_id: Option<String>,
                    }
                    if let Ok(RolledBack { num_turns, before_turn_id }) =
                        serde_json::from_str(event.payload.get())
                    {
                        self.rolled_back(num_turns, before_turn_id.as_deref());
                    }
                }
                _ => {}
            },
            Body::TurnContext(_) | Body::Other { .. } => {}
        }
    }

    fn rolled_back(&mut self, turns: usize, before_turn_id: Option<&str>) {
        let Some(turn_id) = before_turn_id.filter(|_| !self.is_without_cuts) else {
            let left = self.turn_ids.len().saturating_sub(turns);
            self.turn_ids.truncate(left);
            return self.history.rollback(turns);
        };
        if !self.history.cut_before(turn_id) {
            self.misses_a_cut = true;
        }
        let Some(at) = self.turn_ids.iter().position(|id| id == turn_id) else { return };
        let dropped = self.turn_ids.split_off(at);
        // The tokens are told of a turn that is still there, if there is one.
        if self.usage_turn_id.as_ref().is_some_and(|id| dropped.contains(id)) {
            self.usage_turn_id = self.turn_ids.last().or(dropped.first()).cloned();
        }
    }

    fn compacted(&mut self, raw: &RawValue) {
        #[derive(Deserialize)]
        struct Compacted {
            message: String,
            #[serde(default)]
            replacement_history: Option<Vec<Box<RawValue>>>,
        }
        if let Ok(Compacted { message, replacement_history }) = serde_json::from_str(raw.get()) {
            self.history.compacted(&message, replacement_history);
        }
    }
}

/// Keeps the text of the latest, in the memory of the one before.
fn keep(slot: &mut Option<String>, raw: &RawValue) {
    let slot = slot.get_or_insert_default();
    slot.clear();
    slot.push_str(raw.get());
}

fn read_usage(text: &str) -> Option<ThreadTokenUsage> {
    #[derive(Deserialize)]
    struct TokenCount {
        info: Info,
    }
    #[derive(Deserialize)]
    struct Info {
        total_token_usage: Counts,
        last_token_usage: Counts,
        #[serde(default)]
        model_context_window: Option<i64>,
    }
    #[derive(Deserialize)]
    #[serde(default)]
    #[derive(Default)]
    struct Counts {
        input_tokens: i64,
        cached_input_tokens: i64,
        cache_write_input_tokens: i64,
        output_tokens: i64,
        reasoning_output_tokens: i64,
        total_tokens: i64,
    }
    let wire = |counts: Counts| TokenUsageBreakdown {
        cache_write_input_tokens: counts.cache_write_input_tokens,
        cached_input_tokens: counts.cached_input_tokens,
        input_tokens: counts.input_tokens,
        output_tokens: counts.output_tokens,
        reasoning_output_tokens: counts.reasoning_output_tokens,
        total_tokens: counts.total_tokens,
    };
    let TokenCount { info } = serde_json::from_str(text).ok()?;
    Some(ThreadTokenUsage {
        last: wire(info.last_token_usage),
        model_context_window: info.model_context_window,
        total: wire(info.total_token_usage),
    })
}

/// The model and the effort of a turn's settings; the effort is where its writer put it.
fn read_context(text: &str) -> Option<(Option<String>, Option<String>)> {
    #[derive(Deserialize)]
    struct Context {
        model: String,
        #[serde(default)]
        effort: Option<String>,
        #[serde(default)]
        collaboration_mode: Option<Mode>,
    }
    #[derive(Deserialize)]
    struct Mode {
        #[serde(default)]
        settings: Option<ModeSettings>,
    }
    #[derive(Deserialize)]
    struct ModeSettings {
        #[serde(default)]
        reasoning_effort: Option<String>,
    }
    let Context { model, effort, collaboration_mode } = serde_json::from_str(text).ok()?;
    let of_mode = || collaboration_mode?.settings?.reasoning_effort;
    Some((Some(model), effort.or_else(of_mode)))
}
