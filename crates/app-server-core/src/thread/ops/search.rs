//! `thread/searchOccurrences`: where a thread has a text.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use app_server_protocol::v2::{
    ThreadSearchOccurrence, ThreadSearchOccurrencesParams, ThreadSearchOccurrencesResponse,
};
use app_server_rollout::Scope;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::CoreError;
use crate::host::Reply;
use crate::item::{self, Outline, TurnEntry};
use crate::thread::actor::{Actor, blocking};
use crate::thread::page_cursor::{PageCursor, PageScope};
use crate::thread::search::each_item;
use crate::thread::search_term::{Snippet, Term};

/// Entries of a page when the client does not say, and at most.
const DEFAULT_LIMIT: u32 = 25;
const MAX_LIMIT: u32 = 100;

/// The last place that was shown.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    requested_thread_id: Uuid,
    turn_id: String,
    /// Where the turn is in the file. Counts only when the turn is no longer there.
    rollout_ordinal: u64,
    /// The item's number in the turn.
    index: usize,
    /// The number of the place in the item.
    occurrence: usize,
}

impl Actor {
    pub(in crate::thread) async fn search_occurrences(
        &mut self,
        params: ThreadSearchOccurrencesParams,
        reply: Reply<ThreadSearchOccurrencesResponse>,
    ) {
        let result = self.occurrences(params).await;
        reply.send(result);
    }

    async fn occurrences(
        &mut self,
        params: ThreadSearchOccurrencesParams,
    ) -> Result<ThreadSearchOccurrencesResponse, CoreError> {
        let ThreadSearchOccurrencesParams { cursor, limit, search_term, .. } = params;
        let term = Term::new(&search_term)?;
        let thread = self.id;
        let behind = cursor.map(|text| Place::parse(&text, thread)).transpose()?;
        self.known_to_read()?;
        self.known_to_store_turns()?;
        let limit = limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT) as usize;
        let path = match &self.loaded {
            Some(loaded) => loaded.stored_path(),
            None => self.find(Scope::Any)?.map(|found| found.path),
        };
        let Some(path) = path else {
            return Ok(ThreadSearchOccurrencesResponse { data: Vec::new(), next_cursor: None });
        };
        let services = Arc::clone(&self.services);
        blocking(move || {
            let outline = item::outline(&services.store, &path)?;
            let from = behind.as_ref().map_or(0, |place| place.turn_among(&outline));
            let mut data = Vec::new();
            let mut last = None;
            let mut has_more = false;
            each_item(&services.store, &outline, from, &mut |turn, index, item| {
                let texts = item::texts(&item.kind).map(|text| (text, term.places(text)));
                let places = texts.flat_map(|(text, places)| places.map(move |place| (text, place)));
                for (occurrence, (text, place)) in places.enumerate() {
                    if behind.as_ref().is_some_and(|behind| behind.has_shown(turn, index, occurrence)) {
                        continue;
                    }
                    if data.len() == limit {
                        has_more = true;
                        return ControlFlow::Break(());
                    }
                    let mut kind = item.kind.clone();
                    let item_id = std::mem::take(item::id_of(&mut kind));
                    data.push(occurrence_of(thread, turn, item_id, Snippet::around(text, place)));
                    last = Some(Place::new(thread, turn, index, occurrence));
                }
                ControlFlow::Continue(())
            })?;
            let next_cursor = last.filter(|_| has_more).map(|place| place.to_string());
            Ok(ThreadSearchOccurrencesResponse { data, next_cursor })
        })
        .await
    }
}

fn occurrence_of(thread: Uuid, turn: &TurnEntry, item_id: String, found: Snippet) -> ThreadSearchOccurrence {
    ThreadSearchOccurrence {
        item_id,
        snippet: found.text,
        snippet_match_range: found.range,
        turn_cursor: PageCursor::new(thread, turn.place(), PageScope::Turns, None).to_string(),
        turn_id: turn.id.clone(),
    }
}

impl Place {
    fn new(thread: Uuid, turn: &TurnEntry, index: usize, occurrence: usize) -> Place {
        Place {
            requested_thread_id: thread,
            turn_id: turn.id.clone(),
            rollout_ordinal: turn.anchor,
            index,
            occurrence,
        }
    }

    /// Reads the text of a cursor of this thread.
    fn parse(text: &str, thread: Uuid) -> Result<Self, CoreError> {
        serde_json::from_str(text)
            .ok()
            .filter(|place: &Self| place.requested_thread_id == thread)
            .ok_or_else(|| CoreError::Invalid(format!("invalid cursor: {text}")))
    }

    /// The turn it is in, or if that was dropped the one that now comes there.
    fn turn_among(&self, outline: &Outline) -> usize {
        let turns = &outline.turns;
        turns
            .iter()
            .position(|turn| turn.id == self.turn_id)
            .unwrap_or_else(|| turns.partition_point(|turn| turn.anchor < self.rollout_ordinal))
    }

    /// Whether a place is this one, or one before it in its turn.
    fn has_shown(&self, turn: &TurnEntry, index: usize, occurrence: usize) -> bool {
        turn.id == self.turn_id && (index, occurrence) <= (self.index, self.occurrence)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}
