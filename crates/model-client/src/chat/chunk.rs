//! One chunk of a Chat Completions answer: JSON text to what is of use in it. Servers of this API differ in many small
//! ways, so everything may be missing, and text may come as a string, in parts or in an object.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::event::Usage;

/// A chunk.
#[derive(Deserialize)]
pub(super) struct Chunk<'a> {
    #[serde(default)]
    pub(super) id: Option<String>,
    #[serde(default)]
    pub(super) choices: Option<Vec<Choice<'a>>>,
    #[serde(borrow, default)]
    pub(super) usage: Option<&'a RawValue>,
    /// Servers that fail on the way say so in a chunk.
    #[serde(borrow, default)]
    pub(super) error: Option<&'a RawValue>,
}

/// One of the answers; only one is asked for.
#[derive(Deserialize)]
pub(super) struct Choice<'a> {
    #[serde(default)]
    pub(super) index: u64,
    #[serde(borrow, default)]
    pub(super) delta: Option<Delta<'a>>,
    #[serde(default)]
    pub(super) finish_reason: Option<String>,
}

/// What is added to the answer.
#[derive(Deserialize)]
pub(super) struct Delta<'a> {
    #[serde(default)]
    pub(super) content: Words,
    #[serde(default)]
    pub(super) refusal: Words,
    #[serde(default)]
    pub(super) reasoning: Words,
    #[serde(default)]
    pub(super) reasoning_content: Words,
    #[serde(borrow, default)]
    pub(super) tool_calls: Option<Vec<CallDelta<'a>>>,
}

/// What is added to a call.
#[derive(Deserialize)]
pub(super) struct CallDelta<'a> {
    #[serde(default)]
    pub(super) index: Option<u64>,
    #[serde(default)]
    pub(super) id: Option<String>,
    #[serde(borrow, default)]
    pub(super) function: Option<FunctionDelta<'a>>,
}

/// What is added to the function of a call.
#[derive(Deserialize)]
pub(super) struct FunctionDelta<'a> {
    #[serde(default)]
    pub(super) name: Option<String>,
    /// A piece of JSON text, or the JSON itself.
    #[serde(borrow, default)]
    pub(super) arguments: Option<&'a RawValue>,
}

/// Text in whatever form: a string, an object with `text` or `content`, or a list of those.
#[derive(Default)]
pub(super) struct Words(pub(super) String);

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Words;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_str<E>(self, text: &str) -> Result<Words, E> {
        Ok(Words(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Words, E> {
        Ok(Words(text))
    }

    fn visit_unit<E>(self) -> Result<Words, E> {
        Ok(Words::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Words, E> {
        Ok(Words::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Words, E> {
        Ok(Words::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Words, E> {
        Ok(Words::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Words, E> {
        Ok(Words::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Words, A::Error> {
        let mut text = String::new();
        while let Some(Words(part)) = parts.next_element()? {
            text.push_str(&part);
        }
        Ok(Words(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Words, A::Error> {
        let mut text = Words::default();
        while let Some(key) = members.next_key::<String>()? {
            if matches!(key.as_str(), "text" | "content" | "refusal") {
                let Words(more) = members.next_value()?;
                text.0.push_str(&more);
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(text)
    }
}

/// Reads what an answer cost, as far as it is said.
pub(super) fn usage(json: &RawValue) -> Option<Usage> {
    #[derive(Deserialize)]
    struct Counts {
        prompt_tokens: i64,
        #[serde(default)]
        completion_tokens: Option<i64>,
        #[serde(default)]
        total_tokens: Option<i64>,
        #[serde(default)]
        prompt_tokens_details: Option<PromptDetails>,
        #[serde(default)]
        completion_tokens_details: Option<CompletionDetails>,
    }
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct PromptDetails {
        cached_tokens: Option<i64>,
    }
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct CompletionDetails {
        reasoning_tokens: Option<i64>,
    }
    // A server that counts otherwise does not fail the answer.
    let counts = serde_json::from_str::<Option<Counts>>(json.get()).ok()??;
    let output_tokens = counts.completion_tokens.unwrap_or(0);
    Some(Usage {
        input_tokens: counts.prompt_tokens,
        cached_input_tokens: counts
            .prompt_tokens_details
            .and_then(|details| details.cached_tokens)
            .unwrap_or(0),
        cache_write_input_tokens: 0,
        output_tokens,
        reasoning_output_tokens: counts
            .completion_tokens_details
            .and_then(|details| details.reasoning_tokens)
            .unwrap_or(0),
        total_tokens: counts.total_tokens.unwrap_or(counts.prompt_tokens.saturating_add(output_tokens)),
    })
}
