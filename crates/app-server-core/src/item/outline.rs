//! Which turns a thread has and where they stand in its file, without their items: for pages, forks and cuts.

use std::collections::HashSet;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};

use app_server_protocol::v2::{ThreadItemKind, Turn, TurnItemsView, TurnStatus};
use app_server_rollout::{Body, HeaderError, Position, ScanReport, SessionMeta, Store};

use super::rebuild::{Built, TurnBuilder};
use crate::error::CoreError;

/// What a thread consists of.
pub(crate) struct Outline {
    pub(crate) meta: SessionMeta,
    pub(crate) report: ScanReport,
    /// The turns that were not dropped, in their order.
    pub(crate) turns: Vec<TurnEntry>,
    path: PathBuf,
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
    pub(crate) root_turn_id: String,
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
}

/// Reads which turns the thread in this file has, and what it continues.
///
/// # Errors
/// When the file cannot be read or says nowhere what thread it is.
pub(crate) fn outline(store: &Store, path: &Path) -> Result<Outline, CoreError> {
    let mut meta = None;
    let mut builder = TurnBuilder::default();
    let report = store.scan_history(path, |record| {
        if let (None, Body::SessionMeta(first)) = (&meta, &record.body) {
            meta = Some(first.clone());
        }
        builder.push(&record);
        ControlFlow::Continue(())
    })?;
    let Some(meta) = meta else { return Err(HeaderError::NoSessionMeta(path.to_owned()).into()) };
    let turns = builder.finish().map(TurnEntry::of).collect();
    Ok(Outline { meta: *meta, report, turns, path: path.to_owned() })
}

/// Reads some of the turns, with as much of their items as `view` says, and hands them to `each` in their order. Those
/// that were dropped since the outline was made are left out.
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
    let wanted: HashSet<&str> =
        outline.turns.get(which).unwrap_or_default().iter().map(|entry| entry.id.as_str()).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let mut builder = TurnBuilder::default();
    store.scan_history(&outline.path, |record| {
        builder.push(&record);
        ControlFlow::Continue(())
    })?;
    for Built { mut turn, .. } in builder.finish().filter(|built| wanted.contains(built.turn.id.as_str())) {
        show(&mut turn, view);
        each(turn);
    }
    Ok(())
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

impl TurnPlace {
    pub(super) fn of(built: &Built) -> TurnPlace {
        TurnPlace { turn_id: built.turn.id.clone(), anchor: built.first.anchor }
    }
}

impl TurnEntry {
    pub(crate) fn place(&self) -> TurnPlace {
        TurnPlace { turn_id: self.id.clone(), anchor: self.anchor }
    }

    fn of(built: Built) -> TurnEntry {
        let Built { turn, has_ended, first, next } = built;
        TurnEntry {
            root_turn_id: turn.root_turn_id.unwrap_or_else(|| turn.id.clone()),
            id: turn.id,
            anchor: first.anchor,
            first: first.position,
            next,
            status: turn.status,
            has_ended,
        }
    }
}
