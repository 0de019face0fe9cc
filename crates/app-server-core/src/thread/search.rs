//! `thread/search`: which stored threads have a text in their name or in what was said, by page.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use app_server_protocol::v2::{
    SortDirection, ThreadItem, ThreadSearchParams, ThreadSearchResponse, ThreadSearchResult,
    ThreadSearchSortKey, ThreadStatus, TurnItemsView,
};
use app_server_rollout::{Cursor, Header, ListQuery, SortKey, SourceFilter, Store};
use uuid::Uuid;

use super::list::{shown, source_filter};
use super::search_term::{Snippet, Term};
use crate::error::CoreError;
use crate::item::{self, Outline, TurnEntry};
use crate::services::Services;

/// Entries of a page when the client does not say, and at most.
const DEFAULT_LIMIT: u32 = 25;
const MAX_LIMIT: u32 = 100;

/// Threads that are looked up in the list at once.
const BATCH: usize = 64;

/// Files that are read at the same time, at most.
const MAX_READERS: usize = 4;

/// Turns that are read at once at first. There are four times as many each time, so that a match near the beginning is
/// found soon, and one near the end without many readings.
const FIRST_TURNS: usize = 16;

/// Answers `thread/search`. Blocks on the disk: for a blocking thread. `live` holds the status of loaded threads.
///
/// One search is worked on at a time, others wait: each reads as fast as the disk goes.
///
/// # Errors
/// A term or cursor that is none, or a home that cannot be read. A file that cannot be read is passed over.
pub fn search(
    services: &Services,
    params: ThreadSearchParams,
    live: &HashMap<Uuid, ThreadStatus>,
) -> Result<ThreadSearchResponse, CoreError> {
    let term = Term::new(&params.search_term)?;
    let limit = params.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT) as usize;
    let mut query = query(params)?;
    let _turn = services.searching.lock().unwrap_or_else(PoisonError::into_inner);
    let mut answer = ThreadSearchResponse { backwards_cursor: None, data: Vec::new(), next_cursor: None };
    loop {
        let mut page = services.store.list(&query)?;
        let found = look_through(&services.store, &term, &page.entries, limit - answer.data.len());
        for (at, snippet) in &found {
            let header = &mut page.entries[*at];
            services.store.read_end(header);
            let cursor = &page.positions[*at];
            answer.backwards_cursor.get_or_insert_with(|| cursor.turned_back(query.descending).to_string());
            answer.data.push(ThreadSearchResult { snippet: snippet.clone(), thread: shown(header, live) });
        }
        if answer.data.len() >= limit {
            // Whether what is left has the text too is for the next page to find out.
            let last = found.last().map(|(at, _)| *at).unwrap_or_default();
            let is_more = last + 1 < page.entries.len() || page.next_cursor.is_some();
            answer.next_cursor = is_more.then(|| page.positions[last].to_string());
            return Ok(answer);
        }
        match page.next_cursor {
            Some(cursor) => query.cursor = Some(cursor),
            None => return Ok(answer),
        }
    }
}

fn query(params: ThreadSearchParams) -> Result<ListQuery, CoreError> {
    let cursor = match &params.cursor {
        Some(text) => Some(text.parse::<Cursor>().map_err(|error| CoreError::Invalid(error.to_string()))?),
        None => None,
    };
    Ok(ListQuery {
        limit: BATCH,
        cursor,
        sort_key: match params.sort_key {
            None | Some(ThreadSearchSortKey::CreatedAt) => SortKey::CreatedAt,
            Some(ThreadSearchSortKey::UpdatedAt) => SortKey::UpdatedAt,
            Some(ThreadSearchSortKey::RecencyAt) => SortKey::RecencyAt,
        },
        descending: params.sort_direction != Some(SortDirection::Asc),
        sources: source_filter(params.source_kinds, SourceFilter::Interactive),
        archived: params.archived == Some(true),
        without_ends: true,
        ..ListQuery::default()
    })
}

/// Finds the first `wanted` of the threads that have the term, by their numbers, with the text around it.
fn look_through(store: &Store, term: &Term, threads: &[Header], wanted: usize) -> Vec<(usize, String)> {
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Vec::new());
    // Threads are taken in their order and none is dropped once taken, so nothing before the last found is missed.
    let read = || {
        while found.lock().unwrap_or_else(PoisonError::into_inner).len() < wanted {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(header) = threads.get(at) else { break };
            if let Some(snippet) = snippet_of(store, term, header) {
                found.lock().unwrap_or_else(PoisonError::into_inner).push((at, snippet.text));
            }
        }
    };
    let readers = thread::available_parallelism().map_or(1, usize::from).min(MAX_READERS).min(threads.len());
    thread::scope(|scope| {
        for _ in 1..readers {
            if let Err(error) = thread::Builder::new().name("search".to_owned()).spawn_scoped(scope, read) {
                tracing::debug!(%error, "searching with fewer threads");
            }
        }
        read();
    });
    let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.sort_unstable();
    found.truncate(wanted);
    found
}

fn snippet_of(store: &Store, term: &Term, header: &Header) -> Option<Snippet> {
    let of_name = header.name.as_deref().and_then(|name| term.first_in(name));
    of_name.or_else(|| {
        first_said(store, term, &header.path).unwrap_or_else(|error| {
            tracing::debug!(%error, path = %header.path.display(), "not searched");
            None
        })
    })
}

/// The text around the first place of the term in what was said in a thread.
fn first_said(store: &Store, term: &Term, path: &Path) -> Result<Option<Snippet>, CoreError> {
    let mut first = None;
    let mut are_dropped = false;
    store.scan_history(path, |record| {
        if first.is_none() {
            first = item::said(&record).iter().find_map(|text| term.first_in(text));
        }
        are_dropped |= item::drops_turns(&record);
        if first.is_some() && are_dropped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    if first.is_none() || !are_dropped {
        return Ok(first);
    }
    // It may have been said in a turn that was dropped.
    let outline = item::outline(store, path)?;
    let mut first = None;
    each_item(store, &outline, 0, &mut |_, _, item| {
        first = item::texts(&item.kind).find_map(|text| term.first_in(text));
        if first.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(first)
}

/// Hands out the items of a thread from a turn on, each with its turn and its number in that, until `each` breaks.
pub(super) fn each_item(
    store: &Store,
    outline: &Outline,
    from: usize,
    each: &mut dyn FnMut(&TurnEntry, usize, &ThreadItem) -> ControlFlow<()>,
) -> Result<(), CoreError> {
    let mut flow = ControlFlow::Continue(());
    let (mut start, mut count) = (from, FIRST_TURNS);
    while start < outline.turns.len() && flow.is_continue() {
        let end = start.saturating_add(count).min(outline.turns.len());
        let mut entries = outline.turns[start..end].iter();
        item::turns(store, outline, start..end, TurnItemsView::Full, &mut |turn| {
            let Some(entry) = entries.find(|entry| entry.id == turn.id) else { return };
            for (number, item) in turn.items.iter().enumerate() {
                if flow.is_continue() {
                    flow = each(entry, number, item);
                }
            }
        })?;
        (start, count) = (end, count.saturating_mul(4));
    }
    Ok(())
}
