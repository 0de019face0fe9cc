//! Which turns a thread has, where they stand in its file, and where what the model sees of them does: one pass over the
//! file that reads of most records no more than their beginnings. What is in the turns is read when it is wanted.

use std::ops::{ControlFlow, Range, RangeInclusive};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use app_server_protocol::v2::{ThreadItemKind, Turn, TurnItemsView, TurnStatus};
use app_server_rollout::{
    Body, Chain, HeaderError, LineHead, Position, Reading, Record, ScanReport, SessionMeta, Store,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::rebuild::{Keep, Run, TurnBuilder, is_end};
use super::replay::{RolledBack, Started, Want, see};
use crate::error::CoreError;
use crate::goal::Goal;
use crate::history::History;
use crate::turns_text::TurnsWriter;

/// The event that tells of a thread's goal.
const GOAL: &str = "thread_goal_updated";

/// What a thread consists of.
#[derive(Debug)]
pub(crate) struct Outline {
    pub(crate) meta: SessionMeta,
    pub(crate) report: ScanReport,
    /// The turns that were not dropped, in their order.
    pub(crate) turns: Vec<TurnEntry>,
    /// The last token counts as they are recorded.
    pub(super) usage: Option<String>,
    /// The turn they were counted in, if it is known.
    pub(super) usage_turn_id: Option<String>,
    /// The settings of the last turn as they are recorded.
    pub(super) context: Option<String>,
    /// What the thread itself works towards.
    pub(super) goal: Option<Goal>,
    pub(super) model: ModelPlan,
    /// The thread's folder, for commands that name none.
    cwd: String,
}

/// Where in the file that is what the model sees.
#[derive(Debug)]
pub(super) struct ModelPlan {
    /// The record that replaced everything before it; without one everything counts.
    pub(super) from: Option<Position>,
    /// The last record of a compaction that kept the user's words. Before it nothing else counts.
    pub(super) words_until: Option<Position>,
    /// What was dropped.
    pub(super) cuts: Vec<RangeInclusive<Position>>,
    /// The first record that does not count any more.
    pub(super) until: Option<Position>,
    /// The thread's files.
    pub(super) path: PathBuf,
}

/// Where a turn of a thread is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TurnPlace {
    pub(crate) turn_id: String,
    /// As [`TurnEntry::anchor`].
    pub(crate) anchor: u64,
}

/// One turn of a thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TurnEntry {
    pub(crate) id: String,
    /// If it is another one.
    pub(super) root_turn_id: Option<String>,
    /// The number of its first record, in files without numbers its place. Stays as it is while records are appended.
    pub(crate) anchor: u64,
    /// Its first record.
    pub(crate) first: Position,
    /// The first record of whatever turn follows in the file, a dropped one included. Records of this turn that stand
    /// behind it name the turn.
    pub(crate) next: Option<Position>,
    pub(crate) status: TurnStatus,
    /// Whether its end is on record. Turns of files that record none count as ended.
    pub(crate) has_ended: bool,
    /// How many items it has.
    pub(crate) items: u32,
    pub(super) is_named: bool,
    /// Where its records are.
    pub(super) runs: Vec<Run>,
    /// Items of the turns before it that are known by their number in the thread.
    pub(super) unnumbered_before: u32,
}

/// Reads which turns the thread in this file has, and what it continues. Of a long file that was read before, only what
/// was appended since.
///
/// # Errors
/// When the file cannot be read or says nowhere what thread it is.
pub(crate) fn outline(store: &Store, path: &Path) -> Result<Outline, CoreError> {
    let (report, sketch) = store.read_kept(path, || Sketch::new(Keep::Nothing, None))?;
    sketch.finish(report, path)
}

/// Reads which turns the thread had before the record at `until`. What ended later in them is theirs; the report is
/// about what was read.
///
/// # Errors
/// As [`outline`].
pub(crate) fn outline_until(
    store: &Store,
    path: &Path,
    until: Option<Position>,
) -> Result<Outline, CoreError> {
    if until.is_none() {
        return outline(store, path);
    }
    let mut sketch = Sketch::new(Keep::Nothing, until);
    let report = store.read_history(path, &mut sketch)?;
    sketch.finish(report, path)
}

/// A thread that was read in one pass.
pub(super) struct AtOnce {
    pub(super) meta: SessionMeta,
    pub(super) report: ScanReport,
    pub(super) turns: Vec<Turn>,
    pub(super) last_turn: Option<TurnPlace>,
    pub(super) usage: Option<String>,
    pub(super) usage_turn_id: Option<String>,
    pub(super) context: Option<String>,
    pub(super) goal: Option<Goal>,
    pub(super) history: Result<History, ModelPlan>,
}

/// Reads what is wanted of a thread in one pass, which is the fastest, and all that the model ever saw between two
/// compactions is in memory. As turns that went by their names may have been compacted by then, the history of such a
/// thread is only told where it is.
///
/// # Errors
/// As [`outline`].
pub(super) fn at_once(
    store: &Store,
    path: &Path,
    until: Option<Position>,
    want: Want,
) -> Result<AtOnce, CoreError> {
    let mut sketch = Sketch::new(if want.turns { Keep::All } else { Keep::Nothing }, until);
    sketch.history = want.history.then(History::default);
    let report = store.read_history(path, &mut sketch)?;
    let plan = sketch.plan(path);
    let Sketch { meta, turns, usage, usage_turn, usage_turn_id, context, goal, history, .. } = sketch;
    let Some(meta) = meta else { return Err(HeaderError::NoSessionMeta(path.to_owned()).into()) };
    let history = match plan.cuts.is_empty() {
        true => Ok(history.unwrap_or_default()),
        false => Err(plan),
    };
    let (turns, last_turn) = turns.whole();
    let counted_in = usage.as_ref().and(usage_turn);
    let usage_turn_id = name_of(usage_turn_id, counted_in, turns.iter().map(|turn| &turn.id));
    Ok(AtOnce { meta: *meta, report, turns, last_turn, usage, usage_turn_id, context, goal, history })
}

/// The id of the turn that tokens were counted in: as it was told, or by the turn's number now that all have one.
fn name_of<'a>(
    told: Option<Arc<str>>,
    counted_in: Option<usize>,
    mut ids: impl ExactSizeIterator<Item = &'a String>,
) -> Option<String> {
    told.map(|id| String::from(&*id)).or_else(|| {
        let (at, last) = (counted_in?, ids.len().checked_sub(1)?);
        ids.nth(at.min(last)).cloned()
    })
}

/// Reads some of the turns as they were when the outline was made, with as much of their items as `view` says, and
/// hands them to `each` in their order. Nothing else is read, and no more than one of them is in memory.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn turns(
    store: &Store,
    outline: &Outline,
    which: Range<usize>,
    view: TurnItemsView,
    each: &mut dyn FnMut(Turn),
) -> Result<(), CoreError> {
    let which = which.start..which.end.min(outline.turns.len());
    let wanted = outline.turns.get(which).unwrap_or_default();
    if wanted.is_empty() {
        return Ok(());
    }
    let keep = match view {
        TurnItemsView::Full => Keep::All,
        TurnItemsView::Summary => Keep::Words,
        TurnItemsView::NotLoaded => Keep::Nothing,
    };
    let mut chain = store.chain(&outline.model.path)?;
    for entry in wanted {
        let mut turn = one(&mut chain, outline, entry, keep)?;
        show(&mut turn, view);
        each(turn);
    }
    Ok(())
}

/// Reads some of the turns whole, for an answer; `edit` sees each before it is written. More can be added to what is
/// returned.
///
/// # Errors
/// When the file cannot be read, or the answer cannot be kept.
pub(crate) fn turns_text(
    store: &Store,
    outline: &Outline,
    which: Range<usize>,
    edit: &mut dyn FnMut(&mut Turn),
) -> Result<TurnsWriter, CoreError> {
    let mut writer = TurnsWriter::new(store.codex_home());
    let mut written = Ok(());
    turns(store, outline, which, TurnItemsView::Full, &mut |mut turn| {
        if written.is_ok() {
            edit(&mut turn);
            written = writer.push(&turn);
        }
    })?;
    written?;
    Ok(writer)
}

/// Reads one turn.
fn one(chain: &mut Chain, outline: &Outline, entry: &TurnEntry, keep: Keep) -> Result<Turn, CoreError> {
    struct OneTurn(TurnBuilder);
    impl Reading for OneTurn {
        fn wants(&self, head: &LineHead<'_>) -> bool {
            self.0.wants(head)
        }

        fn passed(&mut self, head: &LineHead<'_>) {
            self.0.pass(head);
        }

        fn take(&mut self, record: Record<'_>) -> ControlFlow<()> {
            self.0.push(&record);
            ControlFlow::Continue(())
        }
    }
    let mut turn = OneTurn(TurnBuilder::of_one(keep, entry));
    for run in &entry.runs {
        turn.0.goes_on(run, &outline.cwd);
        let first = Position { file: run.file, offset: run.first };
        let _ = chain.read(first, run.last + 1, &mut turn)?;
    }
    Ok(turn.0.finish_one(entry))
}

/// What is gathered in the pass over a thread. That of a long one is kept, see [`TurnBuilder`].
#[derive(Default, Serialize, Deserialize)]
struct Sketch {
    #[serde(skip)]
    until: Option<Position>,
    /// What the model sees, if that is gathered as well.
    #[serde(skip)]
    history: Option<History>,
    meta: Option<Box<SessionMeta>>,
    turns: TurnBuilder,
    /// The last counts and settings, parsed at the end: there is one of each per response.
    usage: Option<String>,
    context: Option<String>,
    goal: Option<Goal>,
    usage_turn: Option<usize>,
    /// The ids of the turns that began and were not dropped.
    turn_ids: Vec<Arc<str>>,
    usage_turn_id: Option<Arc<str>>,
    /// Where the history was compacted, and whether what is left of it stands there as well.
    compactions: Vec<(Position, bool)>,
    before: Option<Position>,
    /// Whether anything stood before what came earlier, or before the thread's first record.
    is_out_of_order: bool,
}

impl Sketch {
    fn new(keep: Keep, until: Option<Position>) -> Self {
        Sketch { turns: TurnBuilder::new(keep), until, ..Sketch::default() }
    }

    fn plan(&self, path: &Path) -> ModelPlan {
        let of_order = self.compactions.iter().rev().filter(|_| !self.is_out_of_order);
        let last = of_order.clone().next().map(|(position, _)| *position);
        let from = of_order.clone().find(|(_, replaces)| *replaces).map(|(position, _)| *position);
        ModelPlan {
            from,
            words_until: last.filter(|last| Some(*last) != from),
            cuts: self.turns.cuts().to_vec(),
            until: self.until,
            path: path.to_owned(),
        }
    }

    fn finish(self, report: ScanReport, path: &Path) -> Result<Outline, CoreError> {
        let model = self.plan(path);
        let Sketch { meta, turns, usage, usage_turn, usage_turn_id, context, goal, .. } = self;
        let Some(meta) = meta else { return Err(HeaderError::NoSessionMeta(path.to_owned()).into()) };
        let cwd = turns.cwd().to_owned();
        let turns = turns.finish();
        let counted_in = usage.as_ref().and(usage_turn);
        let usage_turn_id = name_of(usage_turn_id, counted_in, turns.iter().map(|turn| &turn.id));
        Ok(Outline { meta: *meta, report, turns, usage, usage_turn_id, context, goal, model, cwd })
    }

    /// Whether the thread is wanted only up to before this place.
    fn is_behind(&self, position: Position) -> bool {
        // The thread's own first record comes before what it continues, though its file is a later one.
        self.meta.is_some() && self.until.is_some_and(|until| position >= until)
    }

    fn comes_to(&mut self, position: Position) {
        let before = self.before.replace(position);
        self.is_out_of_order |= before.is_some_and(|before| before > position);
    }

    fn started(&mut self, raw: &RawValue) {
        if let Ok(Started { turn_id }) = serde_json::from_str(raw.get()) {
            self.turn_ids.push(turn_id.into());
        }
    }

    fn rolled_back(&mut self, raw: &RawValue, cuts_before: usize) {
        if let Some(cut) = self.turns.cuts().get(cuts_before) {
            // What was compacted in turns that are gone was not compacted.
            self.compactions.retain(|(position, _)| !cut.contains(position));
        }
        let Ok(RolledBack { num_turns, before_turn_id }) = serde_json::from_str(raw.get()) else { return };
        let Some(turn_id) = before_turn_id else {
            let left = self.turn_ids.len().saturating_sub(num_turns);
            return self.turn_ids.truncate(left);
        };
        let Some(at) = self.turn_ids.iter().position(|id| **id == *turn_id) else { return };
        let dropped = self.turn_ids.split_off(at);
        // The tokens are told of a turn that is still there, if there is one.
        if self.usage_turn_id.as_ref().is_some_and(|id| dropped.contains(id)) {
            self.usage_turn_id = self.turn_ids.last().or(dropped.first()).cloned();
        }
    }

    fn goal_updated(&mut self, raw: &RawValue) {
        let id = self.meta.as_ref().map(|meta| meta.id.to_string()).unwrap_or_default();
        if let Some(goal) = Goal::read(raw.get(), &id) {
            self.goal = goal;
        }
    }

    fn compacted(&mut self, position: Position, raw: &RawValue) {
        #[derive(Deserialize)]
        struct Compacted<'a> {
            #[serde(rename = "message")]
            _message: String,
            #[serde(borrow, default)]
            replacement_history: Option<Vec<&'a RawValue>>,
        }
        if let Ok(compacted) = serde_json::from_str::<Compacted<'_>>(raw.get()) {
            self.compactions.push((position, compacted.replacement_history.is_some()));
        }
    }
}

impl Reading for Sketch {
    fn wants(&self, head: &LineHead<'_>) -> bool {
        if self.is_behind(head.position) {
            return head.kind == "event_msg" && is_end(head.payload_kind);
        }
        match head.kind {
            "event_msg" if matches!(head.payload_kind, "token_count" | GOAL) => true,
            "turn_context" | "compacted" => true,
            "response_item" if self.history.is_some() => true,
            _ => self.turns.wants(head),
        }
    }

    fn passed(&mut self, head: &LineHead<'_>) {
        if !self.is_behind(head.position) {
            self.comes_to(head.position);
            self.turns.pass(head);
        }
    }

    fn take(&mut self, record: Record<'_>) -> ControlFlow<()> {
        if self.is_behind(record.position) {
            self.turns.push_late(&record);
            return ControlFlow::Continue(());
        }
        let cuts_before = self.turns.cuts().len();
        self.turns.push(&record);
        if let Some(history) = &mut self.history {
            see(history, &record.body);
        }
        match &record.body {
            Body::SessionMeta(meta) if self.meta.is_none() => {
                self.meta = Some(meta.clone());
                self.is_out_of_order |= self.before.is_some();
                return ControlFlow::Continue(());
            }
            Body::TurnContext(raw) if raw.get().contains(r#""model":"#) => keep(&mut self.context, raw),
            Body::Compacted(raw) => self.compacted(record.position, raw),
            Body::Event(event) => match event.kind.as_ref() {
                "token_count" if event.payload.get().contains(r#""total_token_usage":"#) => {
                    keep(&mut self.usage, event.payload);
                    self.usage_turn = self.turns.open_turn();
                    self.usage_turn_id = self.turn_ids.last().cloned();
                }
                "task_started" | "turn_started" => self.started(event.payload),
                "thread_rolled_back" => self.rolled_back(event.payload, cuts_before),
                GOAL => self.goal_updated(event.payload),
                _ => {}
            },
            _ => {}
        }
        self.comes_to(record.position);
        ControlFlow::Continue(())
    }
}

/// Keeps the text of the latest, in the memory of the one before.
fn keep(slot: &mut Option<String>, raw: &RawValue) {
    let slot = slot.get_or_insert_default();
    slot.clear();
    slot.push_str(raw.get());
}

/// Leaves of a whole turn's items what is to be seen.
fn show(turn: &mut Turn, view: TurnItemsView) {
    match view {
        TurnItemsView::Full => {}
        TurnItemsView::NotLoaded => turn.items.clear(),
        TurnItemsView::Summary => {
            let is_user = |kind: &ThreadItemKind| matches!(kind, ThreadItemKind::UserMessage { .. });
            let is_agent = |kind: &ThreadItemKind| matches!(kind, ThreadItemKind::AgentMessage { .. });
            let asked = turn.items.iter().position(|item| is_user(&item.kind));
            let answered = turn.items.iter().rposition(|item| is_agent(&item.kind));
            let mut at = 0;
            turn.items.retain(|_| {
                at += 1;
                asked == Some(at - 1) || answered == Some(at - 1)
            });
        }
    }
    turn.items_view = view;
}

impl TurnEntry {
    pub(crate) fn place(&self) -> TurnPlace {
        TurnPlace { turn_id: self.id.clone(), anchor: self.anchor }
    }

    /// The turn that this one is part of, which is mostly itself.
    pub(crate) fn root_turn_id(&self) -> &str {
        self.root_turn_id.as_ref().unwrap_or(&self.id)
    }
}
