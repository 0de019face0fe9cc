//! Cursors into the turns and items of a thread, and what is on a page.

use std::fmt;
use std::ops::Range;

use app_server_protocol::v2::SortDirection;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::CoreError;
use crate::item::TurnPlace;

/// Entries of a page when the client does not say, and at most.
const DEFAULT_LIMIT: u32 = 25;
const MAX_LIMIT: u32 = 100;

/// What a cursor goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub(super) enum PageScope {
    #[serde(rename = "turns")]
    Turns,
    #[serde(rename = "itemsByCreatedAtOrdinal")]
    Items,
}

/// A turn or an item of a thread, and whether the page begins with it or behind it.
///
/// Its text has the members of the reference's, and more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageCursor {
    requested_thread_id: Uuid,
    /// Where the turn is in the file. Counts only when the turn is no longer there.
    rollout_ordinal: u64,
    include_anchor: bool,
    scope: PageScope,
    turn_id: String,
    /// The item's number in the turn; without one the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    index: Option<usize>,
}

/// Where something is among entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spot {
    /// It is this one.
    At(usize),
    /// It is not there. This is the first that came after it.
    Before(usize),
}

/// How many entries are wanted, from where and in which direction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    limit: usize,
    direction: SortDirection,
}

/// The entries of a page.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// Which ones, in the thread's order.
    pub(super) range: Range<usize>,
    direction: SortDirection,
    /// Whether more follow in the page's direction.
    has_more: bool,
}

impl PageCursor {
    pub(super) fn new(thread: Uuid, place: TurnPlace, scope: PageScope, index: Option<usize>) -> Self {
        let TurnPlace { turn_id, anchor } = place;
        PageCursor {
            requested_thread_id: thread,
            rollout_ordinal: anchor,
            include_anchor: true,
            scope,
            turn_id,
            index,
        }
    }

    /// Reads the text of a cursor of this thread and scope.
    pub(super) fn parse(text: &str, thread: Uuid, scope: PageScope) -> Result<Self, CoreError> {
        serde_json::from_str(text)
            .ok()
            .filter(|cursor: &Self| cursor.requested_thread_id == thread && cursor.scope == scope)
            .ok_or_else(|| CoreError::Invalid(format!("invalid cursor: {text}")))
    }

    /// The same place, not part of the page.
    pub(super) fn excluded(self) -> Self {
        PageCursor { include_anchor: false, ..self }
    }

    pub(super) fn includes_anchor(&self) -> bool {
        self.include_anchor
    }

    /// Where the turn is among the thread's.
    pub(super) fn turn_among(&self, turns: &[TurnPlace]) -> Spot {
        match turns.iter().position(|turn| turn.turn_id == self.turn_id) {
            Some(at) => Spot::At(at),
            None => Spot::Before(turns.partition_point(|turn| turn.anchor < self.rollout_ordinal)),
        }
    }

    /// Where the item is among others, which are given by their turn's place and their number in it.
    pub(super) fn item_among(&self, turns: &[TurnPlace], items: &[(usize, usize)]) -> Spot {
        match (self.turn_among(turns), self.index) {
            (Spot::Before(turn), _) => Spot::Before(items.partition_point(|item| item.0 < turn)),
            (Spot::At(turn), Some(index)) => {
                let at = items.partition_point(|item| *item < (turn, index));
                if items.get(at) == Some(&(turn, index)) { Spot::At(at) } else { Spot::Before(at) }
            }
            (Spot::At(turn), None) => {
                let behind = items.partition_point(|item| item.0 <= turn);
                match behind.checked_sub(1).filter(|last| items.get(*last).is_some_and(|item| item.0 == turn))
                {
                    Some(last) => Spot::At(last),
                    None => Spot::Before(behind),
                }
            }
        }
    }
}

impl fmt::Display for PageCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl Wanted {
    pub(super) fn new(limit: Option<u32>, direction: SortDirection) -> Self {
        Wanted { limit: limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT) as usize, direction }
    }
}

/// Which of `count` entries are on the page that begins at a spot, with or without what is there.
pub(super) fn page_of(count: usize, from: Option<(Spot, bool)>, wanted: Wanted) -> Page {
    let Wanted { limit, direction } = wanted;
    let (range, has_more) = match direction {
        SortDirection::Asc => {
            let start = match from {
                None => 0,
                Some((Spot::At(at), false)) => at + 1,
                Some((Spot::At(at), true) | (Spot::Before(at), _)) => at,
            };
            let start = start.min(count);
            let end = start.saturating_add(limit).min(count);
            (start..end, end < count)
        }
        SortDirection::Desc => {
            let end = match from {
                None => count,
                Some((Spot::At(at), true)) => at + 1,
                Some((Spot::At(at), false) | (Spot::Before(at), _)) => at,
            };
            let end = end.min(count);
            let start = end.saturating_sub(limit);
            (start..end, start > 0)
        }
    };
    Page { range, direction, has_more }
}

impl Page {
    /// Puts the entries of the page in its order.
    pub(super) fn in_order<T>(&self, mut entries: Vec<T>) -> Vec<T> {
        if self.direction == SortDirection::Desc {
            entries.reverse();
        }
        entries
    }

    /// The cursors that go on and that go back, given one for each entry.
    pub(super) fn cursors(
        &self,
        cursor: impl Fn(usize) -> Option<PageCursor>,
    ) -> (Option<String>, Option<String>) {
        let Some(newest) = self.range.end.checked_sub(1).filter(|_| !self.range.is_empty()) else {
            return (None, None);
        };
        let (first, last) = match self.direction {
            SortDirection::Asc => (self.range.start, newest),
            SortDirection::Desc => (newest, self.range.start),
        };
        let next = if self.has_more { cursor(last).map(PageCursor::excluded) } else { None };
        (next.map(|cursor| cursor.to_string()), cursor(first).map(|cursor| cursor.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THREAD: Uuid = Uuid::from_u128(7);

    fn places(anchors: &[u64]) -> Vec<TurnPlace> {
        anchors.iter().map(|anchor| TurnPlace { turn_id: format!("t{anchor}"), anchor: *anchor }).collect()
    }

    fn cursor(anchor: u64, scope: PageScope, index: Option<usize>) -> PageCursor {
        let place = TurnPlace { turn_id: format!("t{anchor}"), anchor };
        PageCursor::new(THREAD, place, scope, index)
    }

    fn ranges(count: usize, limit: u32, direction: SortDirection) -> Vec<Range<usize>> {
        let mut from = None;
        let mut ranges = Vec::new();
        loop {
            let page = page_of(count, from, Wanted::new(Some(limit), direction));
            ranges.push(page.range.clone());
            if !page.has_more {
                return ranges;
            }
            let last = match direction {
                SortDirection::Asc => page.range.end - 1,
                SortDirection::Desc => page.range.start,
            };
            from = Some((Spot::At(last), false));
        }
    }

    #[test]
    fn pages_follow_one_another_without_gap_or_overlap() {
        assert_eq!(ranges(5, 2, SortDirection::Asc), [0..2, 2..4, 4..5]);
        assert_eq!(ranges(5, 2, SortDirection::Desc), [3..5, 1..3, 0..1]);
        assert_eq!(ranges(4, 2, SortDirection::Asc), [0..2, 2..4]);
        assert_eq!(ranges(4, 2, SortDirection::Desc), [2..4, 0..2]);
        for direction in [SortDirection::Asc, SortDirection::Desc] {
            let page = page_of(0, None, Wanted::new(Some(2), direction));
            assert_eq!((page.range, page.has_more), (0..0, false));
        }
    }

    #[test]
    fn a_page_has_one_entry_at_least_and_a_hundred_at_most() {
        let length = |limit| page_of(500, None, Wanted::new(limit, SortDirection::Asc)).range.len();
        assert_eq!([None, Some(0), Some(1), Some(100), Some(101)].map(length), [25, 1, 1, 100, 100]);
    }

    #[test]
    fn a_page_begins_with_the_anchor_or_behind_it() {
        let range = |spot, include, direction| {
            page_of(9, Some((spot, include)), Wanted::new(Some(3), direction)).range
        };
        assert_eq!(range(Spot::At(4), true, SortDirection::Asc), 4..7);
        assert_eq!(range(Spot::At(4), false, SortDirection::Asc), 5..8);
        assert_eq!(range(Spot::At(4), true, SortDirection::Desc), 2..5);
        assert_eq!(range(Spot::At(4), false, SortDirection::Desc), 1..4);
        for include in [true, false] {
            assert_eq!(range(Spot::Before(4), include, SortDirection::Asc), 4..7);
            assert_eq!(range(Spot::Before(4), include, SortDirection::Desc), 1..4);
        }
        assert_eq!(range(Spot::At(8), false, SortDirection::Asc), 9..9);
        assert_eq!(range(Spot::At(0), false, SortDirection::Desc), 0..0);
        assert_eq!(range(Spot::At(20), true, SortDirection::Asc), 9..9);
    }

    #[test]
    fn a_turn_is_found_by_its_id_and_a_dropped_one_by_its_place() {
        let turns = places(&[10, 20, 40]);
        assert_eq!(cursor(20, PageScope::Turns, None).turn_among(&turns), Spot::At(1));
        assert_eq!(cursor(30, PageScope::Turns, None).turn_among(&turns), Spot::Before(2));
        assert_eq!(cursor(50, PageScope::Turns, None).turn_among(&turns), Spot::Before(3));
        let renumbered = PageCursor { rollout_ordinal: 99, ..cursor(20, PageScope::Turns, None) };
        assert_eq!(renumbered.turn_among(&turns), Spot::At(1));
    }

    #[test]
    fn an_item_is_found_by_its_turn_and_number() {
        let turns = places(&[10, 20, 40]);
        let items = [(0, 0), (0, 1), (2, 0), (2, 1)];
        let spot = |anchor, index| cursor(anchor, PageScope::Items, index).item_among(&turns, &items);
        assert_eq!(spot(10, Some(1)), Spot::At(1));
        assert_eq!(spot(10, Some(5)), Spot::Before(2));
        assert_eq!(spot(10, None), Spot::At(1));
        assert_eq!(spot(20, None), Spot::Before(2));
        assert_eq!(spot(30, Some(0)), Spot::Before(2));
        assert_eq!(spot(40, None), Spot::At(3));
    }

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_only_where_it_belongs() {
        let made = cursor(20, PageScope::Items, Some(3)).excluded();
        let text = made.to_string();
        assert_eq!(PageCursor::parse(&text, THREAD, PageScope::Items).unwrap(), made);
        let refused = |text: &str, thread, scope| {
            let error = PageCursor::parse(text, thread, scope).unwrap_err();
            assert_eq!(error.to_string(), format!("invalid cursor: {text}"));
        };
        refused(&text, THREAD, PageScope::Turns);
        refused(&text, Uuid::from_u128(8), PageScope::Items);
        refused("garbage", THREAD, PageScope::Items);
        refused("{}", THREAD, PageScope::Items);
    }
}
