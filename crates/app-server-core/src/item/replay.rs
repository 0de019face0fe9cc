//! Reads a stored thread for going on with it or for showing it.

use std::ops::ControlFlow;
use std::path::Path;

use app_server_protocol::v2::{ThreadTokenUsage, TokenUsageBreakdown, Turn};
use app_server_rollout::{
    Body, LineHead, Position, Reading, Record, ScanReport, SessionMeta, Store, TurnSettings,
};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::outline::{AtOnce, ModelPlan, Outline, TurnEntry, TurnPlace, at_once, outline_until, turns_text};
use crate::error::CoreError;
use crate::goal::Goal;
use crate::history::History;
use crate::turns_text::{TurnsText, TurnsWriter};

/// Up to this length a thread is read in one pass if all of its turns are wanted, which then are in memory in any case,
/// and up to the other one if none are.
const SHORT_BYTES: u64 = 32 << 20;
const SHORT_BYTES_WITHOUT_TURNS: u64 = 4 << 20;

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
    pub(crate) turns: Option<TurnsText>,
    /// Where the last of the turns is.
    pub(crate) last_turn: Option<TurnPlace>,
    pub(crate) usage: Option<ThreadTokenUsage>,
    /// The turn `usage` was counted in; unknown in files without turns.
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

/// Reads the thread that was outlined.
///
/// # Errors
/// As [`load`].
pub(crate) fn load_until(
    store: &Store,
    path: &Path,
    until: Option<Position>,
    want: Want,
) -> Result<Loaded, CoreError> {
    let short = if want.turns { SHORT_BYTES } else { SHORT_BYTES_WITHOUT_TURNS };
    if store.length(path).is_none_or(|bytes| bytes > short) {
        return load_outlined(store, outline_until(store, path, until)?, want);
    }
    let AtOnce { meta, report, turns, last_turn, usage, usage_turn_id, context, goal, history } =
        at_once(store, path, until, want)?;
    let mut loaded = Loaded {
        meta,
        report,
        history: History::default(),
        turns: want.turns.then(|| text_of(store, &turns)).transpose()?,
        last_turn,
        usage: None,
        usage_turn_id: None,
        model: None,
        effort: None,
        goal,
    };
    if want.history {
        loaded.history = history.or_else(|plan| self::history(store, &plan))?;
        loaded.usage = usage.as_deref().and_then(read_usage);
        loaded.usage_turn_id = usage_turn_id;
        (loaded.model, loaded.effort) = read_settings(context.as_deref());
    }
    Ok(loaded)
}

/// Reads the thread that this is the outline of; nothing is in memory but what is wanted of it.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn load_outlined(store: &Store, mut outline: Outline, want: Want) -> Result<Loaded, CoreError> {
    let history = match want.history {
        true => history(store, &outline.model)?,
        false => {
            (outline.usage, outline.usage_turn_id, outline.context) = (None, None, None);
            History::default()
        }
    };
    let turns = if want.turns { Some(all_turns(store, &outline)?) } else { None };
    let usage = outline.usage.as_deref().and_then(read_usage);
    let (model, effort) = read_settings(outline.context.as_deref());
    let last_turn = outline.turns.last().map(TurnEntry::place);
    let Outline { meta, report, usage_turn_id, goal, .. } = outline;
    Ok(Loaded { meta, report, history, turns, last_turn, usage, usage_turn_id, model, effort, goal })
}

fn text_of(store: &Store, turns: &[Turn]) -> Result<TurnsText, CoreError> {
    let mut text = TurnsWriter::new(store.codex_home());
    turns.iter().try_for_each(|turn| text.push(turn))?;
    Ok(text.finish()?)
}

fn all_turns(store: &Store, outline: &Outline) -> Result<TurnsText, CoreError> {
    Ok(turns_text(store, outline, 0..outline.turns.len(), &mut |_| {})?.finish()?)
}

/// Reads what the model sees of a thread, and no more of its file than that needs.
///
/// # Errors
/// When the file cannot be read.
fn history(store: &Store, plan: &ModelPlan) -> Result<History, CoreError> {
    let mut seen = Seen { plan, history: History::default(), is_begun: plan.from.is_some() };
    match plan.from {
        Some(from) => store.chain(&plan.path)?.read_on(from, plan.until, &mut seen)?,
        None => _ = store.read_history(&plan.path, &mut seen)?,
    }
    Ok(seen.history)
}

/// Gathers what the model sees.
struct Seen<'a> {
    plan: &'a ModelPlan,
    history: History,
    /// The thread's own first record was read: it comes before what it continues, though its file is a later one.
    is_begun: bool,
}

impl Seen<'_> {
    /// Whether nothing is left here but the user's words.
    fn is_for_words(&self, position: Position) -> bool {
        self.plan.words_until.is_some_and(|until| position < until)
    }

    fn is_cut(&self, position: Position) -> bool {
        self.plan.cuts.iter().any(|cut| cut.contains(&position))
    }
}

impl Reading for Seen<'_> {
    fn wants(&self, head: &LineHead<'_>) -> bool {
        if self.is_cut(head.position) {
            return false;
        }
        match head.kind {
            "response_item" => {
                let is_of_others = || {
                    head.payload_kind != "message"
                        || [
                            r#"{"type":"message","role":"assistant""#,
                            r#"{"type":"message","role":"developer""#,
                        ]
                        .iter()
                        .any(|start| head.payload.starts_with(start.as_bytes()))
                };
                !(self.is_for_words(head.position) && is_of_others())
            }
            "event_msg" => {
                matches!(head.payload_kind, "task_started" | "turn_started" | "thread_rolled_back")
            }
            "compacted" => true,
            _ => false,
        }
    }

    fn take(&mut self, record: Record<'_>) -> ControlFlow<()> {
        if self.is_begun && self.plan.until.is_some_and(|until| record.position >= until) {
            return ControlFlow::Break(());
        }
        self.is_begun |= matches!(record.body, Body::SessionMeta(_));
        if self.is_cut(record.position) {
            return ControlFlow::Continue(());
        }
        see(&mut self.history, &record.body);
        ControlFlow::Continue(())
    }
}

/// Does to the history what a record does that is in no cut.
pub(super) fn see(history: &mut History, body: &Body<'_>) {
    match body {
        Body::ResponseItem(raw) => history.push(raw),
        Body::Compacted(raw) => {
            if let Ok(Compacted { message, replacement_history }) = serde_json::from_str(raw.get()) {
                history.compacted(&message, replacement_history);
            }
        }
        Body::Event(event) => match event.kind.as_ref() {
            "task_started" | "turn_started" => {
                if let Ok(Started { turn_id }) = serde_json::from_str(event.payload.get()) {
                    history.begin_turn(&turn_id);
                }
            }
            "thread_rolled_back" => {
                // One that names the first turn which goes is a cut, unless there was no such turn.
                if let Ok(RolledBack { num_turns, .. }) = serde_json::from_str(event.payload.get()) {
                    history.rollback(num_turns);
                }
            }
            _ => {}
        },
        _ => {}
    }
}

/// The beginning of a turn, as far as it matters here.
#[derive(Deserialize)]
pub(super) struct Started {
    pub(super) turn_id: String,
}

/// Turns that were dropped.
#[derive(Deserialize)]
pub(super) struct RolledBack {
    pub(super) num_turns: usize,
    #[serde(default)]
    pub(super) before_turn_id: Option<String>,
}

#[derive(Deserialize)]
struct Compacted {
    message: String,
    #[serde(default)]
    replacement_history: Option<Vec<Box<RawValue>>>,
}

/// The model and effort of a turn's settings as they are recorded.
fn read_settings(context: Option<&str>) -> (Option<String>, Option<String>) {
    let settings = context.and_then(|text| serde_json::from_str::<TurnSettings>(text).ok());
    settings.map(|TurnSettings { model, effort }| (Some(model), effort)).unwrap_or_default()
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
