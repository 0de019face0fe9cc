//! Copies a thread, or its beginning, to the file of another: line by line, whatever the lines say. What a numbered
//! file keeps as items alone gets the events that files without numbers have for them, so that older readers see it.

use std::collections::HashSet;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;

use app_server_rollout::{Batch, Body, Event, HistoryMode, Position, Record, RolloutWriter, Store};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::outline::{Outline, TurnEntry};
use super::pictures::{Pictures, has_pictures};
use super::rebuild::ended_in;
use super::recorded::{legacy_events, read_item};
use crate::error::CoreError;

/// Written at a time, so that a large thread is not in memory as a whole.
const CHUNK_BYTES: usize = 1024 * 1024;

/// Where a copy ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cut<'a> {
    /// With the last turn.
    End,
    /// With this turn.
    Behind(&'a str),
    /// With the turn before this one.
    Before(&'a str),
}

/// The beginning of a thread as it was when its outline was made.
#[derive(Debug)]
pub(crate) struct Part {
    /// The first record that is left out.
    before: Position,
    /// The end of the file when the outline was made: a turn that runs goes on writing.
    end: Position,
    /// The turns that are copied. What ended in them behind the cut belongs to them.
    turns: HashSet<String>,
    /// The last of them, if no end of it is on record.
    open: Option<OpenTurn>,
}

/// A turn that was cut off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OpenTurn {
    pub(crate) id: String,
    pub(crate) root_id: String,
}

impl Part {
    /// Returns the part of a thread up to the cut; `None` if it has no such turn.
    pub(crate) fn of(outline: &Outline, cut: Cut<'_>) -> Option<Part> {
        let turns = &outline.turns;
        let at = |id: &str| turns.iter().position(|entry| entry.id == id);
        let end = Position { file: Position::OWN_FILE, offset: outline.report.bytes };
        let (count, before) = match cut {
            Cut::End => (turns.len(), end),
            Cut::Behind(id) => {
                let at = at(id)?;
                (at + 1, turns[at].next.unwrap_or(end))
            }
            Cut::Before(id) => {
                let at = at(id)?;
                (at, turns[at].first)
            }
        };
        let kept = &turns[..count];
        let open = kept.last().filter(|entry| !entry.has_ended).map(OpenTurn::of);
        Some(Part { before, end, turns: kept.iter().map(|entry| entry.id.clone()).collect(), open })
    }

    /// The first record that is left out.
    pub(crate) fn before(&self) -> Position {
        self.before
    }

    /// The last turn, if it had not ended.
    pub(crate) fn open(&self) -> Option<&OpenTurn> {
        self.open.as_ref()
    }

    /// Whether the record is copied.
    fn has(&self, record: &Record<'_>, is_first: bool) -> bool {
        // The thread's own first record is read before what it continues, though its file is a later one.
        if is_first || record.position < self.before {
            return true;
        }
        match &record.body {
            Body::Event(event) => {
                ended_in(event).is_some_and(|turn_id| self.turns.contains(turn_id.as_ref()))
            }
            _ => false,
        }
    }
}

impl OpenTurn {
    fn of(entry: &TurnEntry) -> OpenTurn {
        OpenTurn { id: entry.id.clone(), root_id: entry.root_turn_id().to_owned() }
    }
}

/// Appends the part to another thread's file. Returns the turn that is left without an end in the copy.
///
/// # Errors
/// When the source cannot be read or the copy cannot be written, which then has some of the lines.
pub(crate) fn copy(
    store: &Store,
    path: &Path,
    part: &Part,
    writer: &mut RolloutWriter,
) -> Result<Option<OpenTurn>, CoreError> {
    let mut batch = Batch::new();
    let mut gathered = 0;
    let mut written = Ok(());
    let mut is_first = true;
    let mut open = part.open.clone();
    let mut pictures = Pictures::default();
    store.scan_history(path, |record| {
        if record.position >= part.end {
            return ControlFlow::Break(());
        }
        if part.has(&record, std::mem::replace(&mut is_first, false)) {
            if open.as_ref().is_some_and(|turn| ends(&record, &turn.id)) {
                open = None;
            }
            written = add(&mut batch, &record, &mut pictures);
            gathered += record.line.len();
            if written.is_ok() && gathered >= CHUNK_BYTES {
                written = writer.append(&batch);
                batch.clear();
                gathered = 0;
            }
        }
        if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    written.and_then(|()| writer.append(&batch)).map_err(|error| {
        let path = writer.path().display();
        CoreError::Internal(format!("cannot write {path}: {error}"))
    })?;
    Ok(open)
}

/// Adds a record. `pictures` are those of the record before, if that is a message of the user in a numbered file: they
/// stand in its item once more, and need not in the copy.
fn add(batch: &mut Batch, record: &Record<'_>, pictures: &mut Pictures) -> io::Result<()> {
    let seen = std::mem::take(pictures);
    match &record.body {
        // It would say that the lines behind it are numbered, and what stands before them elsewhere.
        Body::SessionMeta(meta) if meta.history_mode() != HistoryMode::Legacy => return Ok(()),
        Body::Event(event) if record.ordinal.is_some() && event.kind == "item_completed" => {
            if let Some(line) = seen.referred_line(record.line)
                && let Ok(record) = Record::parse(line.as_bytes())
                && let Body::Event(event) = &record.body
            {
                events_before(batch, event)?;
                return batch.copy(&record);
            }
            events_before(batch, event)?;
        }
        Body::ResponseItem(raw) if record.ordinal.is_some() && has_pictures(raw) => {
            *pictures = Pictures::of(raw);
        }
        _ => {}
    }
    batch.copy(record)
}

/// Adds what files without numbers have before the record of an item.
fn events_before(batch: &mut Batch, event: &Event<'_>) -> io::Result<()> {
    #[derive(Deserialize)]
    struct Completed<'a> {
        turn_id: String,
        #[serde(borrow)]
        item: &'a RawValue,
    }
    let Ok(completed) = serde_json::from_str::<Completed<'_>>(event.payload.get()) else { return Ok(()) };
    match read_item(completed.item) {
        Some(kind) => legacy_events(batch, &completed.turn_id, &kind),
        None => Ok(()),
    }
}

/// Whether this is the end of the turn.
fn ends(record: &Record<'_>, turn_id: &str) -> bool {
    let Body::Event(event) = &record.body else { return false };
    matches!(event.kind.as_ref(), "task_complete" | "turn_complete" | "turn_aborted")
        && ended_in(event).is_some_and(|ended| ended == turn_id)
}
