//! `thread/turns/list`, `thread/items/list` and `thread/items/read`: a thread in parts.

use std::collections::HashMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use app_server_protocol::v2::{
    SortDirection, ThreadItem, ThreadItemEntry, ThreadItemKind, ThreadItemOutputDeferral,
    ThreadItemsListAnchor, ThreadItemsListCursor, ThreadItemsListParams, ThreadItemsListResponse,
    ThreadItemsReadParams, ThreadItemsReadResponse, ThreadResumeInitialTurnsPageParams,
    ThreadTurnsListParams, ThreadTurnsListResponse, Turn, TurnItemsView, TurnsPage,
};
use app_server_rollout::{Scope, Store};
use uuid::Uuid;

use crate::error::CoreError;
use crate::host::Reply;
use crate::item::{self, Outline, TurnEntry, TurnPlace};
use crate::thread::actor::{Actor, blocking, show_running};
use crate::thread::page_cursor::{PageCursor, PageScope, Spot, Wanted, page_of};

/// Turns that are looked through for an item before it is asked whether it was found.
const SEARCHED_TURNS: usize = 64;

/// Where paging begins that goes back from the end of a thread. Both are none in a thread without turns.
pub(in crate::thread) struct PageCursors {
    pub(in crate::thread) turns: Option<String>,
    pub(in crate::thread) items: Option<String>,
}

impl PageCursors {
    /// Of a thread by its last turn.
    pub(in crate::thread) fn from(thread: Uuid, last_turn: Option<TurnPlace>) -> Self {
        let cursor =
            |scope| Some(PageCursor::new(thread, last_turn.clone()?, scope, None)).map(|it| it.to_string());
        PageCursors { turns: cursor(PageScope::Turns), items: cursor(PageScope::Items) }
    }
}

impl Actor {
    pub(in crate::thread) async fn list_turns(
        &mut self,
        params: ThreadTurnsListParams,
        reply: Reply<ThreadTurnsListResponse>,
    ) {
        let result = self.turns_listed(params).await;
        reply.send(result.map(|page| {
            let TurnsPage { data, next_cursor, backwards_cursor } = page;
            ThreadTurnsListResponse { backwards_cursor, data, next_cursor }
        }));
    }

    pub(in crate::thread) async fn list_items(
        &mut self,
        params: ThreadItemsListParams,
        reply: Reply<ThreadItemsListResponse>,
    ) {
        let result = self.items_listed(params).await;
        reply.send(result);
    }

    pub(in crate::thread) async fn read_items(
        &mut self,
        params: ThreadItemsReadParams,
        reply: Reply<ThreadItemsReadResponse>,
    ) {
        let result = self.items_read(params).await;
        reply.send(result);
    }

    async fn turns_listed(&mut self, params: ThreadTurnsListParams) -> Result<TurnsPage, CoreError> {
        let ThreadTurnsListParams { cursor, items_view, limit, sort_direction, .. } = params;
        let cursor = cursor.map(|text| PageCursor::parse(&text, self.id, PageScope::Turns)).transpose()?;
        self.known_to_read()?;
        self.known_to_store_turns()?;
        let wanted = Wanted::new(limit, sort_direction.unwrap_or(SortDirection::Desc));
        self.page_of_turns(cursor, wanted, items_view.unwrap_or(TurnItemsView::Summary)).await
    }

    /// The page of turns that comes with a resume.
    pub(in crate::thread) async fn first_page(
        &mut self,
        params: ThreadResumeInitialTurnsPageParams,
    ) -> Result<TurnsPage, CoreError> {
        let ThreadResumeInitialTurnsPageParams { items_view, limit, sort_direction } = params;
        let wanted = Wanted::new(limit, sort_direction.unwrap_or(SortDirection::Desc));
        self.page_of_turns(None, wanted, items_view.unwrap_or(TurnItemsView::Summary)).await
    }

    async fn page_of_turns(
        &mut self,
        cursor: Option<PageCursor>,
        wanted: Wanted,
        view: TurnItemsView,
    ) -> Result<TurnsPage, CoreError> {
        let thread = self.id;
        self.with_turns(move |turns| {
            let places = turns.places();
            let from = cursor.map(|cursor| (cursor.turn_among(&places), cursor.includes_anchor()));
            let page = page_of(places.len(), from, wanted);
            let data = page.in_order(turns.read(page.range.clone(), view)?);
            let (next_cursor, backwards_cursor) = page
                .cursors(|at| Some(PageCursor::new(thread, places.get(at)?.clone(), PageScope::Turns, None)));
            Ok(TurnsPage { backwards_cursor, data, next_cursor })
        })
        .await
    }

    async fn items_listed(
        &mut self,
        params: ThreadItemsListParams,
    ) -> Result<ThreadItemsListResponse, CoreError> {
        let ThreadItemsListParams { cursor, defer_output, limit, sort_direction, turn_id, .. } = params;
        let thread = self.id;
        let (cursor, first) = match cursor {
            None => (None, None),
            Some(ThreadItemsListCursor::Cursor(text)) => {
                (Some(PageCursor::parse(&text, thread, PageScope::Items)?), None)
            }
            Some(ThreadItemsListCursor::Anchor(ThreadItemsListAnchor::Item { item_id })) => {
                (None, Some(item_id))
            }
        };
        self.known_to_read()?;
        self.known_to_store_turns()?;
        let wanted = Wanted::new(limit, sort_direction.unwrap_or(SortDirection::Asc));
        self.with_turns(move |turns| {
            let places = turns.places();
            let which = match &turn_id {
                None => 0..places.len(),
                Some(turn_id) => turns.one(&places, turn_id)?,
            };
            // Which item of which turn; what is in them is read for those on the page alone.
            let keys: Vec<(usize, usize)> =
                which.clone().flat_map(|at| (0..turns.items_in(at)).map(move |index| (at, index))).collect();
            let from = match (cursor, first) {
                (Some(cursor), _) => Some((cursor.item_among(&places, &keys), cursor.includes_anchor())),
                (None, Some(item_id)) => {
                    let found = turns.find_item(which, &item_id)?;
                    let at = found.and_then(|found| keys.iter().position(|key| *key == found));
                    let missing = || CoreError::Invalid(format!("item not found: {item_id}"));
                    Some((Spot::At(at.ok_or_else(missing)?), true))
                }
                (None, None) => None,
            };
            let page = page_of(keys.len(), from, wanted);
            let (next_cursor, backwards_cursor) = page.cursors(|at| {
                let (turn, index) = *keys.get(at)?;
                Some(PageCursor::new(thread, places.get(turn)?.clone(), PageScope::Items, Some(index)))
            });
            let mut entries = Vec::with_capacity(page.range.len());
            for of_turn in keys[page.range.clone()].chunk_by(|one, other| one.0 == other.0) {
                let (at, index) = of_turn[0];
                let Some(turn) = turns.read(at..at + 1, TurnItemsView::Full)?.pop() else { continue };
                let items = turn.items.into_iter().skip(index).take(of_turn.len());
                entries.extend(items.map(|item| entry(&turn.id, item)));
            }
            let mut data = page.in_order(entries);
            if let Some(deferral) = defer_output {
                data.iter_mut().for_each(|entry| defer(&mut entry.item.kind, &deferral));
            }
            Ok(ThreadItemsListResponse { backwards_cursor, data, next_cursor })
        })
        .await
    }

    async fn items_read(
        &mut self,
        params: ThreadItemsReadParams,
    ) -> Result<ThreadItemsReadResponse, CoreError> {
        let ThreadItemsReadParams { item_ids, turn_id, .. } = params;
        self.known_to_read()?;
        self.known_to_store_turns()?;
        self.with_turns(move |turns| {
            let which = turns.one(&turns.places(), &turn_id)?;
            let items = turns.read(which, TurnItemsView::Full)?.into_iter().flat_map(|turn| turn.items);
            let by_id: HashMap<String, ThreadItem> =
                items.map(|mut item| (item::id_of(&mut item.kind).clone(), item)).collect();
            let found = item_ids.iter().filter_map(|id| by_id.get(id));
            let data = found.map(|item| entry(&turn_id, item.clone())).collect();
            Ok(ThreadItemsReadResponse { data })
        })
        .await
    }

    /// Where the last turn of the loaded thread is.
    pub(in crate::thread) async fn last_turn(&mut self) -> Result<Option<TurnPlace>, CoreError> {
        self.with_turns(|turns| Ok(turns.places().pop())).await
    }

    /// Finds out which turns the thread has, and does something with them where it holds up nothing.
    async fn with_turns<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&Turns) -> Result<T, CoreError> + Send + 'static,
    ) -> Result<T, CoreError> {
        let (path, running): (Option<PathBuf>, Option<Turn>) = match &self.loaded {
            Some(loaded) => (loaded.stored_path(), loaded.running_turn()),
            None => (self.find(Scope::Any)?.map(|found| found.path), None),
        };
        let services = Arc::clone(&self.services);
        blocking(move || {
            let outline = path.map(|path| item::outline(&services.store, &path)).transpose()?;
            work(&Turns { store: &services.store, outline, running })
        })
        .await
    }
}

/// The turns of a thread, stored and running.
struct Turns<'a> {
    store: &'a Store,
    /// `None` while nothing is stored.
    outline: Option<Outline>,
    running: Option<Turn>,
}

impl Turns<'_> {
    fn stored(&self) -> &[TurnEntry] {
        self.outline.as_ref().map_or(&[], |outline| &outline.turns)
    }

    /// All of them in their order.
    fn places(&self) -> Vec<TurnPlace> {
        let mut places: Vec<TurnPlace> = self.stored().iter().map(TurnEntry::place).collect();
        if let Some(running) = &self.running
            && !places.iter().any(|place| place.turn_id == running.id)
        {
            // Nothing of it is written yet; what will be comes behind all else.
            let anchor = places.last().map_or(0, |last| last.anchor.saturating_add(1));
            places.push(TurnPlace { turn_id: running.id.clone(), anchor });
        }
        places
    }

    /// The turn that is named.
    fn one(&self, places: &[TurnPlace], turn_id: &str) -> Result<Range<usize>, CoreError> {
        let at = places.iter().position(|place| place.turn_id == turn_id);
        let at = at.ok_or_else(|| CoreError::Invalid(format!("turn not found: {turn_id}")))?;
        Ok(at..at + 1)
    }

    /// How many items the turn has.
    fn items_in(&self, at: usize) -> usize {
        self.stored().get(at).map_or(0, |entry| usize::try_from(entry.items).unwrap_or_default())
    }

    /// Looks in these turns for an item by its id.
    fn find_item(&self, which: Range<usize>, item_id: &str) -> Result<Option<(usize, usize)>, CoreError> {
        let Some(outline) = &self.outline else { return Ok(None) };
        let (mut at, mut found) = (which.start, None);
        while found.is_none() && at < which.end {
            let next = which.end.min(at + SEARCHED_TURNS);
            item::turns(self.store, outline, at..next, TurnItemsView::Full, &mut |turn| {
                let mut items = turn.items.into_iter();
                let index = items.position(|mut item| *item::id_of(&mut item.kind) == item_id);
                found = found.or(index.map(|index| (at, index)));
                at += 1;
            })?;
            at = next;
        }
        Ok(found)
    }

    /// Some of them, with as much of their items as `view` says.
    fn read(&self, which: Range<usize>, view: TurnItemsView) -> Result<Vec<Turn>, CoreError> {
        let mut turns = Vec::new();
        if let Some(outline) = &self.outline {
            item::turns(self.store, outline, which.clone(), view, &mut |turn| turns.push(turn))?;
        }
        if let Some(running) = &self.running {
            match turns.iter_mut().find(|turn| turn.id == running.id) {
                Some(turn) => show_running(turn, running),
                None if which.end > self.stored().len() => {
                    turns.push(Turn { items: Vec::new(), items_view: view, ..running.clone() });
                }
                None => {}
            }
        }
        Ok(turns)
    }
}

fn entry(turn_id: &str, item: ThreadItem) -> ThreadItemEntry {
    ThreadItemEntry {
        completed_at_ms: item.completed_at_ms,
        started_at_ms: item.started_at_ms,
        turn_id: turn_id.to_owned(),
        item,
    }
}

/// Leaves out the output of an item that is of a kind whose output is not wanted.
fn defer(kind: &mut ThreadItemKind, deferral: &ThreadItemOutputDeferral) {
    match kind {
        ThreadItemKind::CommandExecution { aggregated_output, .. } if deferral.command_execution => {
            *aggregated_output = None;
        }
        ThreadItemKind::McpToolCall { result, .. } if deferral.mcp_tool_call => *result = None,
        _ => {}
    }
}
