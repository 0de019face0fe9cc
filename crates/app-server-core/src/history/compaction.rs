//! What is left of a history when it was compacted: the user's own words, and a text in the place of all the rest.

use serde::Serialize;
use serde_json::value::RawValue;

use super::{History, Item, Kind, parts};
use crate::exec::{Limit, truncate};

/// The user's words that survive a compaction whose record has no history of its own, in tokens of four bytes (rollout
/// specification 6).
pub(crate) const KEPT_USER_TOKENS: usize = 20_000;

impl History {
    /// Takes over a compaction that was recorded: its own history, or what remains by rule when it has none.
    pub(crate) fn compacted(&mut self, message: &str, replacement: Option<Vec<Box<RawValue>>>) {
        let Some(items) = replacement else {
            self.condense(self.items.len(), message, KEPT_USER_TOKENS);
            return;
        };
        self.clear();
        items.iter().for_each(|item| self.push(item));
        // The text among them is not the user's, though it has the user's role.
        for item in &mut self.items {
            if item.kind == Kind::User && item.ends_with(message) {
                item.kind = Kind::Other;
            }
        }
    }

    /// Puts other items in the place of the first `seen` ones. What came later stays as it is.
    pub(crate) fn replace(&mut self, seen: usize, items: Vec<Box<RawValue>>) {
        let later = self.items.split_off(seen.min(self.items.len()));
        self.compacted("", Some(items));
        self.items.extend(later);
    }

    /// Puts a text in the place of the first `seen` items. Of these the user's words stay, the last ones up to
    /// `user_tokens`: as text only, since pictures would soon fill the window again. What came later stays as it is.
    /// Returns whether the result is what [`Self::compacted`] makes of the text alone.
    pub(crate) fn condense(&mut self, seen: usize, message: &str, user_tokens: usize) -> bool {
        let later = self.items.split_off(seen.min(self.items.len()));
        let mut left = user_tokens.saturating_mul(4);
        let mut is_cut = false;
        let mut kept = Vec::new();
        for item in std::mem::take(&mut self.items).into_iter().rev().filter(|item| item.kind == Kind::User) {
            let Some(parts) = parts(&item.json) else { continue };
            let texts: Vec<&str> = parts.iter().flatten().map(AsRef::as_ref).collect();
            let bytes: usize = texts.iter().map(|text| text.len()).sum();
            is_cut = bytes > left;
            if is_cut && left == 0 {
                break;
            }
            let rest = if is_cut {
                let text = truncate(&texts.join("\n"), Limit::Bytes(left)).text;
                Some(user_message(&[&text]))
            } else {
                left -= bytes;
                (texts.len() < parts.len()).then(|| user_message(&texts))
            };
            match rest {
                Some(_) if bytes == 0 => {}
                Some(json) => kept.extend(json.map(|json| Item { json, kind: Kind::User })),
                None => kept.push(item),
            }
            if is_cut {
                break;
            }
        }
        self.clear();
        self.items.extend(kept.into_iter().rev());
        self.items.extend(user_message(&[message]).map(|json| Item { json, kind: Kind::Other }));
        let has_later = !later.is_empty();
        self.items.extend(later);
        !has_later && (user_tokens == KEPT_USER_TOKENS || !is_cut)
    }
}

impl Item {
    /// Whether the last text of the message ends with this one.
    fn ends_with(&self, text: &str) -> bool {
        let last = parts(&self.json).and_then(|parts| parts.into_iter().flatten().next_back());
        !text.trim().is_empty() && last.is_some_and(|last| last.trim_end().ends_with(text.trim_end()))
    }
}

fn user_message(texts: &[&str]) -> Option<Box<RawValue>> {
    #[derive(Serialize)]
    struct Message<'a> {
        r#type: &'static str,
        role: &'static str,
        content: Vec<Part<'a>>,
    }
    #[derive(Serialize)]
    struct Part<'a> {
        r#type: &'static str,
        text: &'a str,
    }
    let content = texts.iter().map(|text| Part { r#type: "input_text", text }).collect();
    serde_json::value::to_raw_value(&Message { r#type: "message", role: "user", content }).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::KEPT_USER_TOKENS;
    use crate::history::History;
    use crate::history::tests::{history, shown, user};

    fn of(items: &[String]) -> History {
        history(&items.iter().map(String::as_str).collect::<Vec<_>>())
    }

    #[test]
    fn a_compaction_keeps_its_own_history_or_the_users_words() {
        let items = [user("one"), r#"{"type":"reasoning","summary":[]}"#.to_owned(), user("two")];
        let mut by_rule = of(&items);
        by_rule.compacted("the summary", None);
        assert_eq!(shown(&by_rule), [user("one"), user("two"), user("the summary")].join("\n"));
        let mut replaced = of(&items);
        replaced.compacted("", Some(vec![RawValue::from_string(user("all")).unwrap()]));
        assert_eq!(shown(&replaced), user("all"));
    }

    #[test]
    fn an_earlier_summary_and_marks_of_interrupts_go() {
        let own = |texts: &[&str]| {
            Some(texts.iter().map(|text| RawValue::from_string(user(text)).unwrap()).collect::<Vec<_>>())
        };
        for replacement in [None, own(&["one", "a note"])] {
            let mut history = of(&[user("one")]);
            history.compacted("a note", replacement);
            for item in [user("<turn_aborted> by the user"), user("two")] {
                history.push(&RawValue::from_string(item).unwrap());
            }
            history.compacted("the next", None);
            assert_eq!(shown(&history), [user("one"), user("two"), user("the next")].join("\n"));
        }
    }

    #[test]
    fn the_last_words_stay_and_the_one_that_is_too_long_is_shortened_in_its_middle() {
        let check = |tokens: usize, kept: &[&str], is_by_rule: bool| {
            let mut history = of(&[user("first"), user("0123456789abcdef"), user("last")]);
            assert_eq!(history.condense(3, "sum", tokens), is_by_rule, "{tokens}");
            let expected: Vec<String> = kept.iter().chain(&["sum"]).map(|text| user(text)).collect();
            assert_eq!(shown(&history), expected.join("\n"), "{tokens}");
        };
        check(KEPT_USER_TOKENS, &["first", "0123456789abcdef", "last"], true);
        check(7, &["first", "0123456789abcdef", "last"], true);
        check(6, &["fi…1 chars truncated…st", "0123456789abcdef", "last"], false);
        check(5, &["0123456789abcdef", "last"], false);
        check(2, &["01…12 chars truncated…ef", "last"], false);
        check(1, &["last"], false);
        check(0, &[], false);
    }

    #[test]
    fn a_long_message_is_kept_in_part_by_rule_too() {
        let long = "x".repeat(100_000);
        let mut history = of(&[user("lost"), user(&long), user("last")]);
        assert!(history.condense(3, "sum", KEPT_USER_TOKENS));
        let shown = shown(&history);
        assert!((80_000..80_300).contains(&shown.len()), "{}", shown.len());
        assert!(
            shown.contains("20004 chars truncated") && !shown.contains("lost"),
            "{}",
            &shown[39_900..40_200]
        );
    }

    #[test]
    fn pictures_go() {
        let part = |text: &str| format!(r#"{{"type":"input_text","text":"{text}"}}"#);
        let picture = r#"{"type":"input_image","image_url":"data:image/png;base64,AAAA"}"#;
        let message =
            |parts: &[&str]| format!(r#"{{"type":"message","role":"user","content":[{}]}}"#, parts.join(","));
        let (look, mark) = (part("look"), part("<image name=[Image #1]>"));
        let mut history = of(&[message(&[picture]), message(&[&look, &mark, picture])]);
        assert!(history.condense(2, "sum", KEPT_USER_TOKENS));
        assert_eq!(shown(&history), [message(&[&look, &mark]), user("sum")].join("\n"));
    }

    #[test]
    fn what_came_after_the_question_for_a_summary_stays() {
        let late = r#"{"type":"message","role":"assistant","content":[]}"#.to_owned();
        let mut history = of(&[user("one"), user("two"), late.clone()]);
        assert!(!history.condense(2, "sum", KEPT_USER_TOKENS));
        let late = late.replace(r#","content":[]"#, "");
        assert_eq!(shown(&history), [user("one"), user("two"), user("sum"), late].join("\n"));
    }
}
