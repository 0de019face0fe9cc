//! Reads a rollout once, from its beginning, for everything that is wanted of it.

use std::ops::ControlFlow;
use std::path::Path;

use app_server_protocol::v2::{ThreadTokenUsage, TokenUsageBreakdown, Turn};
use app_server_rollout::{Body, HeaderError, Record, ScanReport, SessionMeta, Store};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::rebuild::TurnBuilder;
use crate::error::CoreError;
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
    pub(crate) usage: Option<ThreadTokenUsage>,
    /// The turn `usage` was counted in; unknown in files without turns, or when turns are not wanted.
    pub(crate) usage_turn_id: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) effort: Option<String>,
}

/// Reads the thread in this file, and what it continues.
///
/// # Errors
/// When the file cannot be read or says nowhere what thread it is.
pub(crate) fn load(store: &Store, path: &Path, want: Want) -> Result<Loaded, CoreError> {
    let mut reader = Reader { want, ..Reader::default() };
    let report = store.scan_history(path, |record| {
        reader.take(&record);
        ControlFlow::Continue(())
    })?;
    let Some(meta) = reader.meta else { return Err(HeaderError::NoSessionMeta(path.to_owned()).into()) };
    let usage = reader.usage.as_deref().and_then(read_usage);
    let context = reader.context.as_deref().and_then(read_context);
    // The turn is known by position only until all of them are numbered.
    let turns = want.turns.then(|| reader.turns.finish());
    let counted_in = usage.as_ref().and(reader.usage_turn);
    let usage_turn_id = reader.usage_turn_id.or_else(|| {
        let turns = turns.as_ref()?;
        Some(turns.get(counted_in?).or_else(|| turns.last())?.id.clone())
    });
    let (model, effort) = context.unwrap_or_default();
    Ok(Loaded { meta: *meta, report, history: reader.history, turns, usage, usage_turn_id, model, effort })
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
    usage_turn: Option<usize>,
    /// The id of the turn that began last, for readers that do not want turns.
    turn_id: Option<String>,
    usage_turn_id: Option<String>,
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
                    self.usage_turn_id.clone_from(&self.turn_id);
                }
                "task_started" | "turn_started" => {
                    #[derive(Deserialize)]
                    struct Started {
                        turn_id: String,
                    }
                    let started = serde_json::from_str::<Started>(event.payload.get()).ok();
                    self.turn_id = started.map(|started| started.turn_id);
                }
                "thread_rolled_back" => {
                    #[derive(Deserialize)]
                    struct RolledBack {
                        num_turns: usize,
                    }
                    if let Ok(RolledBack { num_turns }) = serde_json::from_str(event.payload.get()) {
                        self.history.rollback(num_turns);
                    }
                }
                _ => {}
            },
            Body::TurnContext(_) | Body::Other { .. } => {}
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
