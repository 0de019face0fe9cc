//! Takes back what the model saw last.

use super::{History, Kind};

impl History {
    /// Drops this turn and everything after it. Returns `false` and changes nothing when it is not known where the
    /// turn began: its file does not name it, or a compaction came since.
    pub(crate) fn cut_before(&mut self, turn_id: &str) -> bool {
        let Some(mark) = self.marks.iter().position(|(id, _)| id == turn_id) else { return false };
        self.items.truncate(self.marks[mark].1);
        self.marks.truncate(mark);
        true
    }

    /// The number of the user's messages since this turn began, the first of them included. `None` when it is not known
    /// where it began.
    pub(crate) fn words_since(&self, turn_id: &str) -> Option<usize> {
        let (_, first) = self.marks.iter().find(|(id, _)| id == turn_id)?;
        Some(self.items.iter().skip(*first).filter(|item| item.kind == Kind::User).count())
    }

    /// The turns whose beginnings are known, in their order.
    pub(crate) fn turn_ids(&self) -> impl Iterator<Item = &str> {
        self.marks.iter().map(|(id, _)| id.as_str())
    }

    /// Drops the last `turns` messages of the user and everything after them; more than there are drop all of them.
    pub(crate) fn rollback(&mut self, turns: usize) {
        let users =
            self.items.iter().enumerate().filter(|(_, item)| item.kind == Kind::User).map(|(at, _)| at);
        let starts: Vec<usize> = users.collect();
        if turns > 0 && !starts.is_empty() {
            self.truncate(starts[starts.len().saturating_sub(turns)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use crate::history::History;
    use crate::history::tests::{history, shown, user};

    #[test]
    fn a_cut_goes_by_turns_whatever_is_in_them() {
        let raw = |text: &str| RawValue::from_string(user(text)).unwrap();
        let mut history = History::default();
        for (turn, words) in [("t-1", ["one", "more"].as_slice()), ("t-2", &[]), ("t-3", &["three"])] {
            history.begin_turn(turn);
            words.iter().for_each(|text| history.push(&raw(text)));
        }
        let words = ["t-1", "t-2", "t-3", "t-4"].map(|turn| history.words_since(turn));
        assert_eq!(words, [Some(3), Some(1), Some(1), None]);
        assert!(!history.cut_before("t-4"));
        assert!(history.cut_before("t-3"));
        assert!(!history.cut_before("t-3"));
        assert_eq!(history.turn_ids().collect::<Vec<_>>(), ["t-1", "t-2"]);
        assert_eq!(shown(&history), ["one", "more"].map(user).join("\n"));
        history.compacted("summary", None);
        assert!(!history.cut_before("t-2"));
        history.begin_turn("t-5");
        assert!(history.cut_before("t-5"));
        assert_eq!(shown(&history), ["one", "more", "summary"].map(user).join("\n"));
    }

    #[test]
    fn a_rollback_counts_the_users_own_words() {
        let items = [
            user("# AGENTS.md instructions for /w"),
            user("one"),
            user("<environment_context>"),
            user("two"),
            user(" <TURN_ABORTED>"),
            user("<codex_internal_context source='goal'>"),
            user("three"),
        ];
        let items: Vec<&str> = items.iter().map(String::as_str).collect();
        for (turns, left) in [(0, 7), (1, 6), (2, 3), (3, 1), (9, 1)] {
            let mut history = history(&items);
            history.rollback(turns);
            assert_eq!(history.len(), left, "after {turns}");
        }
    }
}
