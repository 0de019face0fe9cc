//! What the model sees: the items of the conversation as raw JSON, ready to be sent. Knows the rules of what is kept,
//! what goes with what, and what counts as the user's own words (agent-loop specification 6); knows nothing of the
//! client's items.

mod compaction;
mod cut;

pub(crate) use compaction::KEPT_USER_TOKENS;

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// Members no server should be sent back: ids of stored items and another writer's bookkeeping.
const DROPPED: &[&str] = &["id", "internal_chat_message_metadata_passthrough", "metadata"];
/// Beginnings of user messages that are not the user's words.
const INJECTED_PART: &[&str] = &[
    "<environment_context>",
    "<turn_aborted>",
    "<user_shell_command>",
    "<goal_context>",
    // What a goal of the reference of level 0.169 puts in.
    "<codex_internal_context",
    "<subagent_notification>",
    "<hook_prompt hook_run_id=",
];
const INJECTED_WHOLE: &[&str] = &["# AGENTS.md instructions for ", "<user_instructions>", "<skill"];
/// What a picture counts in an estimate, whatever its size.
const PICTURE_TOKENS: usize = 1_600;

/// The model's side of a conversation.
#[derive(Default)]
pub(crate) struct History {
    items: Vec<Item>,
    /// Turns by their ids and the number of items before each. Those before a compaction have none.
    marks: Vec<(String, usize)>,
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

    /// Tells that the items to come belong to this turn.
    pub(crate) fn begin_turn(&mut self, turn_id: &str) {
        self.marks.push((turn_id.to_owned(), self.items.len()));
    }

    /// Whether the turn that began last is this one.
    pub(crate) fn is_in_turn(&self, turn_id: &str) -> bool {
        self.marks.last().is_some_and(|(last, _)| last == turn_id)
    }

    /// Takes back that this turn has begun, if nothing belongs to it yet.
    pub(crate) fn forget_turn(&mut self, turn_id: &str) {
        self.marks.pop_if(|(last, at)| last == turn_id && *at == self.items.len());
    }

    /// About how many tokens the items are, for histories no server has counted yet: one for four bytes.
    pub(crate) fn estimate_tokens(&self) -> i64 {
        self.estimate_tokens_of(0..self.items.len())
    }

    /// The same of some of the items, by their positions.
    pub(crate) fn estimate_tokens_of(&self, items: Range<usize>) -> i64 {
        let items = self.items.get(items).unwrap_or_default();
        let tokens: usize = items.iter().map(Item::estimate_tokens).sum();
        i64::try_from(tokens).unwrap_or(i64::MAX)
    }

    /// Puts items before all others.
    pub(crate) fn push_front(&mut self, items: &[Box<RawValue>]) {
        let items: Vec<Item> = items.iter().filter_map(|item| Item::read(item)).collect();
        self.marks.iter_mut().for_each(|(_, at)| *at += items.len());
        self.items.splice(0..0, items);
    }

    /// The items as they are kept.
    pub(crate) fn items(&self) -> impl Iterator<Item = &RawValue> {
        self.items.iter().map(|item| &*item.json)
    }

    /// The user's messages as texts, without their pictures.
    pub(crate) fn user_texts(&self) -> Vec<String> {
        let texts = |item: &Item| {
            let parts = parts(&item.json)?;
            let is_mark = |text: &str| text.starts_with("<image name=[Image #") || text == "</image>";
            Some(parts.into_iter().flatten().filter(|text| !is_mark(text)).collect::<String>())
        };
        self.items.iter().filter(|item| item.kind == Kind::User).filter_map(texts).collect()
    }

    /// Forgets all items.
    fn clear(&mut self) {
        self.items.clear();
        self.marks.clear();
    }

    /// Keeps the first `len` items and the turns that began within them.
    fn truncate(&mut self, len: usize) {
        self.items.truncate(len);
        self.marks.retain(|(_, at)| *at < len);
    }

    /// The number of items.
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    /// The items as they are sent: a call without an output gets one that says so, an output without a call is left
    /// out, because servers refuse both.
    pub(crate) fn prompt(&self) -> Vec<Cow<'_, RawValue>> {
        self.prompt_of(0..self.items.len())
    }

    /// The same of some of the items, by their positions.
    pub(crate) fn prompt_of(&self, items: Range<usize>) -> Vec<Cow<'_, RawValue>> {
        let items = self.items.get(items).unwrap_or_default();
        let (mut calls, mut outputs) = (HashSet::new(), HashSet::new());
        for item in items {
            match &item.kind {
                Kind::Call { call_id, .. } => _ = calls.insert(call_id.as_str()),
                Kind::Output { call_id } => _ = outputs.insert(call_id.as_str()),
                Kind::User | Kind::Other => {}
            }
        }
        let mut prompt = Vec::with_capacity(items.len());
        for item in items {
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

    /// About how many tokens the item is. Its pictures count by number, as their bytes say nothing of it.
    fn estimate_tokens(&self) -> usize {
        let json = self.json.get();
        let (mut pictures, mut bytes) = (0, json.len());
        for (at, _) in json.match_indices("\"data:") {
            // In a text the quotation mark stands behind a backslash.
            let key = json[..at].trim_end().strip_suffix(':').map(str::trim_end);
            if key.is_some_and(|key| key.ends_with("\"image_url\"")) {
                let url = &json[at + 1..];
                bytes -= url.find('"').unwrap_or(url.len());
                pictures += 1;
            }
        }
        bytes.div_ceil(4) + pictures * PICTURE_TOKENS
    }
}

/// The parts of a message: their texts, and `None` for those that are no text.
fn parts(raw: &RawValue) -> Option<Vec<Option<Cow<'_, str>>>> {
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

    let message = serde_json::from_str::<Message<'_>>(raw.get()).ok()?;
    Some(message.content.into_iter().map(|part| part.text.map(|text| text.0)).collect())
}

/// Whether a user message holds the user's words and not context that was put in (agent-loop specification 6).
pub(crate) fn is_real_user_message(raw: &RawValue) -> bool {
    let Some(parts) = parts(raw) else { return false };
    let begins = |text: &str, beginnings: &[&str]| {
        let text = text.trim_start().as_bytes();
        beginnings.iter().any(|beginning| {
            text.get(..beginning.len()).is_some_and(|start| start.eq_ignore_ascii_case(beginning.as_bytes()))
        })
    };
    let texts: Vec<&str> = parts.iter().flatten().map(AsRef::as_ref).collect();
    let is_injected = texts.iter().any(|text| begins(text, INJECTED_PART))
        || matches!(texts.as_slice(), [only] if begins(only, INJECTED_WHOLE));
    !is_injected
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn history(items: &[&str]) -> History {
        let mut history = History::default();
        for item in items {
            history.push(&RawValue::from_string((*item).to_owned()).unwrap());
        }
        history
    }

    pub(super) fn shown(history: &History) -> String {
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

    #[test]
    fn a_part_of_a_history_is_paired_within_itself() {
        let history = history(&[
            r#"{"type":"function_call","name":"f","arguments":"{}","call_id":"c1"}"#,
            r#"{"type":"function_call_output","call_id":"c1","output":"ok"}"#,
            r#"{"type":"message","role":"assistant","content":[{"type":"output_text","text":"a"}]}"#,
        ]);
        let sizes = [0..3, 1..3, 0..1, 3..3, 4..9].map(|part| history.prompt_of(part).len());
        assert_eq!(sizes, [3, 1, 2, 0, 0]);
    }

    pub(super) fn user(text: &str) -> String {
        format!(r#"{{"type":"message","role":"user","content":[{{"type":"input_text","text":"{text}"}}]}}"#)
    }

    #[test]
    fn turns_are_known_by_the_items_before_them() {
        let raw = |text: &str| RawValue::from_string(user(text)).unwrap();
        let mut history = History::default();
        for turn in ["t-1", "t-2", "t-3"] {
            history.begin_turn(turn);
            history.push(&raw(turn));
        }
        let marks = |history: &History| {
            history.marks.iter().map(|(id, at)| format!("{id} {at}")).collect::<Vec<_>>().join(", ")
        };
        assert_eq!(marks(&history), "t-1 0, t-2 1, t-3 2");
        history.rollback(1);
        assert_eq!(marks(&history), "t-1 0, t-2 1");
        assert_eq!(shown(&history), ["t-1", "t-2"].map(user).join("\n"));
        history.compacted("summary", None);
        assert_eq!(marks(&history), "");
        history.begin_turn("t-4");
        assert_eq!(marks(&history), "t-4 3");
        history.push_front(&[raw("before all")]);
        assert_eq!(marks(&history), "t-4 4");
        assert!(shown(&history).starts_with(&user("before all")));
    }

    #[test]
    fn an_estimate_counts_bytes_and_pictures() {
        #[track_caller]
        fn check(items: &[&str], expected: i64) {
            assert_eq!(history(items).estimate_tokens(), expected);
        }
        let text = user("1234");
        let bytes = i64::try_from(text.len()).unwrap();
        check(&[], 0);
        check(&[&text, &text], 2 * ((bytes + 3) / 4));
        let picture = |url: &str| {
            format!(
                r#"{{"type":"message","role":"user","content":[{{"type":"input_image","image_url":"{url}"}}]}}"#
            )
        };
        let without = i64::try_from(picture("").len()).unwrap();
        let url = format!("data:image/png;base64,{}", "A".repeat(1 << 20));
        check(&[&picture(&url)], (without + 3) / 4 + 1_600);
        check(&[&picture("https://example.org/a.png")], (without + 25 + 3) / 4);
        // What only looks like a picture is text.
        let quoted = user(r#"{\"image_url\":\"data:image/png;base64,AAAA\"}"#);
        check(&[&quoted], (i64::try_from(quoted.len()).unwrap() + 3) / 4);
        let begins = user("data:image/png;base64,AAAA");
        check(&[&begins], (i64::try_from(begins.len()).unwrap() + 3) / 4);
    }
}
