//! What is left of a history when it was compacted.

use serde::Serialize;
use serde_json::value::RawValue;

use super::{History, Item, Kind};

/// User text that survives a compaction without a replacement, in tokens of four bytes (rollout specification 6).
const COMPACTED_USER_TOKENS: usize = 20_000;

impl History {
    /// Takes over a compaction that was recorded: its own history, or what remains by rule when it has none.
    pub(crate) fn compacted(&mut self, message: &str, replacement: Option<Vec<Box<RawValue>>>) {
        if let Some(items) = replacement {
            self.clear();
            items.iter().for_each(|item| self.push(item));
            return;
        }
        let mut budget = COMPACTED_USER_TOKENS * 4;
        let mut kept: Vec<Item> = Vec::new();
        for item in std::mem::take(&mut self.items).into_iter().rev() {
            if item.kind == Kind::User && item.json.get().len() <= budget {
                budget -= item.json.get().len();
                kept.push(item);
            }
        }
        kept.reverse();
        self.clear();
        self.items = kept;
        #[derive(Serialize)]
        struct Summary<'a> {
            r#type: &'static str,
            role: &'static str,
            content: [Part<'a>; 1],
        }
        #[derive(Serialize)]
        struct Part<'a> {
            r#type: &'static str,
            text: &'a str,
        }
        let content = [Part { r#type: "input_text", text: message }];
        if let Ok(json) =
            serde_json::value::to_raw_value(&Summary { r#type: "message", role: "user", content })
        {
            self.items.push(Item { json, kind: Kind::Other });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use crate::history::tests::{history, shown, user};

    #[test]
    fn a_compaction_keeps_its_own_history_or_the_users_words() {
        let items = [user("one"), r#"{"type":"reasoning","summary":[]}"#.to_owned(), user("two")];
        let items: Vec<&str> = items.iter().map(String::as_str).collect();
        let mut by_rule = history(&items);
        by_rule.compacted("the summary", None);
        assert_eq!(shown(&by_rule), [user("one"), user("two"), user("the summary")].join("\n"));
        let mut replaced = history(&items);
        replaced.compacted("", Some(vec![RawValue::from_string(user("all")).unwrap()]));
        assert_eq!(shown(&replaced), user("all"));
    }
}
