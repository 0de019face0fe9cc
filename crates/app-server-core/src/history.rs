//! What the model sees: the items of the conversation as raw JSON, ready to be sent. Knows the rules of what is kept,
//! what goes with what, and what counts as the user's own words (agent-loop specification 6); knows nothing of the
//! client's items.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// Members no server should be sent back: ids of stored items and another writer's bookkeeping.
const DROPPED: &[&str] = &["id", "internal_chat_message_metadata_passthrough", "metadata"];
/// Beginnings of user messages that are not the user's words.
const INJECTED_PART: &[&str] = &["<environment_context>", "<turn_aborted>", "<user_shell_command>"];
const INJECTED_WHOLE: &[&str] = &["# AGENTS.md instructions for ", "<user_instructions>", "<skill"];
/// User text that survives a compaction without a replacement, in tokens of four bytes (rollout specification 6).
const COMPACTED_USER_TOKENS: usize = 20_000;

/// The model's side of a conversation.
#[derive(Default)]
pub(crate) struct History {
    items: Vec<Item>,
}

struct Item {
    json: Box<RawValue>,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    /// The user's words.
    User,
    Call {
        call_id: String,
        /// The type of its output.
        output: &'static str,
    },
    Output {
        call_id: String,
    },
    Other,
}

impl History {
    /// Adds an item; kinds that are never kept are passed over.
    pub(crate) fn push(&mut self, item: &RawValue) {
        if let Some(item) = Item::read(item) {
            self.items.push(item);
        }
    }

    /// The number of items.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    /// The items as they are sent: a call without an output gets one that says so, an output without a call is left
    /// out, because servers refuse both.
    pub(crate) fn prompt(&self) -> Vec<Cow<'_, RawValue>> {
        let (mut calls, mut outputs) = (HashSet::new(), HashSet::new());
        for item in &self.items {
            match &item.kind {
                Kind::Call { call_id, .. } => _ = calls.insert(call_id.as_str()),
                Kind::Output { call_id } => _ = outputs.insert(call_id.as_str()),
                Kind::User | Kind::Other => {}
            }
        }
        let mut prompt = Vec::with_capacity(self.items.len());
        for item in &self.items {
            match &item.kind {
                Kind::Output { call_id } if !calls.contains(call_id.as_str()) => {}
                Kind::Call { call_id, output } if !outputs.contains(call_id.as_str()) => {
                    prompt.push(Cow::Borrowed(&*item.json));
                    prompt.extend(aborted_output(call_id, output).map(Cow::Owned));
                }
                _ => prompt.push(Cow::Borrowed(&*item.json)),
            }
        }
        prompt
    }

    /// Drops the last `turns` messages of the user and everything after them; more than there are drop all of them.
    pub(crate) fn rollback(&mut self, turns: usize) {
        let users =
            self.items.iter().enumerate().filter(|(_, item)| item.kind == Kind::User).map(|(at, _)| at);
        let starts: Vec<usize> = users.collect();
        if turns > 0 && !starts.is_empty() {
            self.items.truncate(starts[starts.len().saturating_sub(turns)]);
        }
    }

    /// Takes over a compaction that was recorded: its own history, or what remains by rule when it has none.
    pub(crate) fn compacted(&mut self, message: &str, replacement: Option<Vec<Box<RawValue>>>) {
        if let Some(items) = replacement {
            self.items.clear();
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

fn aborted_output(call_id: &str, output: &str) -> Option<Box<RawValue>> {
    #[derive(Serialize)]
    struct Aborted<'a> {
        r#type: &'a str,
        call_id: &'a str,
        output: &'static str,
    }
    serde_json::value::to_raw_value(&Aborted { r#type: output, call_id, output: "aborted" }).ok()
}

/// The members of an object in their order, unparsed.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                #[derive(Deserialize)]
                struct Key<'a>(#[serde(borrow)] Cow<'a, str>);
                let mut members = Vec::with_capacity(6);
                while let Some((Key(key), value)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
                    members.push((key, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl Members<'_> {
    fn text(&self, key: &str) -> Option<Cow<'_, str>> {
        let (_, value) = self.0.iter().find(|(name, _)| name == key)?;
        serde_json::from_str::<Cow<'_, str>>(value.get()).ok()
    }

    fn has(&self, key: &str) -> bool {
        self.0.iter().any(|(name, _)| name == key)
    }
}

impl Item {
    fn read(raw: &RawValue) -> Option<Item> {
        let mut members: Members<'_> = serde_json::from_str(raw.get()).ok()?;
        let kind = members.text("type")?.into_owned();
        let call_id = || members.text("call_id").or_else(|| members.text("id")).map(Cow::into_owned);
        let kind = match kind.as_str() {
            "message" => match members.text("role")?.as_ref() {
                "system" => return None,
                "user" if is_real_user_message(raw) => Kind::User,
                _ => Kind::Other,
            },
            "function_call" | "local_shell_call" => {
                Kind::Call { call_id: call_id()?, output: "function_call_output" }
            }
            "custom_tool_call" => Kind::Call { call_id: call_id()?, output: "custom_tool_call_output" },
            "function_call_output" | "custom_tool_call_output" => Kind::Output { call_id: call_id()? },
            "reasoning"
            | "web_search_call"
            | "compaction"
            | "compaction_summary"
            | "image_generation_call" => Kind::Other,
            _ => return None,
        };
        let keeps_status = !matches!(members.text("type").as_deref(), Some("message" | "function_call"));
        let before = members.0.len();
        members.0.retain(|(name, value)| {
            let is_empty_content = name == "content" && matches!(value.get(), "null" | "[]");
            !DROPPED.contains(&name.as_ref()) && (keeps_status || name != "status") && !is_empty_content
        });
        let is_reasoning = members.text("type").as_deref() == Some("reasoning");
        if is_reasoning && !members.has("encrypted_content") {
            members.0.push((Cow::Borrowed("encrypted_content"), RawValue::NULL));
        } else if members.0.len() == before {
            return Some(Item { json: raw.to_owned(), kind });
        }
        Some(Item { json: serde_json::value::to_raw_value(&members).ok()?, kind })
    }
}

/// Whether a user message holds the user's words and not context that was put in (agent-loop specification 6).
fn is_real_user_message(raw: &RawValue) -> bool {
    #[derive(Deserialize)]
    struct Message<'a> {
        #[serde(borrow)]
        content: Vec<Part<'a>>,
    }
    #[derive(Deserialize)]
    struct Part<'a> {
        #[serde(borrow, default)]
        text: Option<Text<'a>>,
    }
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

    let Ok(message) = serde_json::from_str::<Message<'_>>(raw.get()) else { return false };
    let begins = |text: &str, beginnings: &[&str]| {
        let text = text.trim_start().as_bytes();
        beginnings.iter().any(|beginning| {
            text.get(..beginning.len()).is_some_and(|start| start.eq_ignore_ascii_case(beginning.as_bytes()))
        })
    };
    let texts: Vec<&str> =
        message.content.iter().filter_map(|part| part.text.as_ref()).map(|text| text.0.as_ref()).collect();
    let is_injected = texts.iter().any(|text| begins(text, INJECTED_PART))
        || matches!(texts.as_slice(), [only] if begins(only, INJECTED_WHOLE));
    !is_injected
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(items: &[&str]) -> History {
        let mut history = History::default();
        for item in items {
            history.push(&RawValue::from_string((*item).to_owned()).unwrap());
        }
        history
    }

    fn shown(history: &History) -> String {
        history.prompt().iter().map(|item| item.get()).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn ids_and_bookkeeping_are_not_sent_back() {
        let history = history(&[
            r#"{"type":"message","id":"m","role":"assistant","status":"completed","content":[{"type":"output_text","text":"a"}]}"#,
            r#"{"type":"reasoning","id":"r","summary":[],"content":null}"#,
            r#"{"type":"web_search_call","id":"w","status":"completed","action":{"type":"other"}}"#,
            r#"{"type":"ghost_snapshot","ghost_commit":{}}"#,
            r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"b"}]}"#,
        ]);
        expect_test::expect![[r#"
            {"type":"message","role":"assistant","content":[{"type":"output_text","text":"a"}]}
            {"type":"reasoning","summary":[],"encrypted_content":null}
            {"type":"web_search_call","status":"completed","action":{"type":"other"}}
            {"type":"message","role":"user","content":[{"type":"input_text","text":"b"}]}"#]]
        .assert_eq(&shown(&history));
    }

    #[test]
    fn calls_and_outputs_are_paired() {
        let history = history(&[
            r#"{"type":"function_call_output","call_id":"lost","output":"x"}"#,
            r#"{"type":"function_call","name":"f","arguments":"{}","call_id":"c1"}"#,
            r#"{"type":"custom_tool_call","name":"g","input":"","call_id":"c2"}"#,
            r#"{"type":"function_call_output","call_id":"c1","output":"ok"}"#,
        ]);
        expect_test::expect![[r#"
            {"type":"function_call","name":"f","arguments":"{}","call_id":"c1"}
            {"type":"custom_tool_call","name":"g","input":"","call_id":"c2"}
            {"type":"custom_tool_call_output","call_id":"c2","output":"aborted"}
            {"type":"function_call_output","call_id":"c1","output":"ok"}"#]]
        .assert_eq(&shown(&history));
    }

    fn user(text: &str) -> String {
        format!(r#"{{"type":"message","role":"user","content":[{{"type":"input_text","text":"{text}"}}]}}"#)
    }

    #[test]
    fn a_rollback_counts_the_users_own_words() {
        let items = [
            user("# AGENTS.md instructions for /w"),
            user("one"),
            user("<environment_context>"),
            user("two"),
            user(" <TURN_ABORTED>"),
            user("three"),
        ];
        let items: Vec<&str> = items.iter().map(String::as_str).collect();
        for (turns, left) in [(0, 6), (1, 5), (2, 3), (3, 1), (9, 1)] {
            let mut history = history(&items);
            history.rollback(turns);
            assert_eq!(history.len(), left, "after {turns}");
        }
    }

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
