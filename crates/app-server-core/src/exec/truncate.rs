//! Shortening of what a tool says to what the model may read of it: the first and the last half of the budget, with a
//! mark in between that says how much is missing (tools specification 3).

use app_server_config::models::Truncation;

/// Bytes that count as one token; no vocabulary is carried for this.
const BYTES_PER_TOKEN: usize = 4;

/// How much the model may read of one output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// This many bytes; the mark counts characters.
    Bytes(usize),
    /// This many tokens of four bytes; the mark counts tokens.
    Tokens(usize),
}

/// A text that was shortened, if it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Truncated {
    pub(crate) text: String,
    pub(crate) is_cut: bool,
}

impl Limit {
    /// The limit of a model, or what the configuration says instead (in tokens).
    pub(crate) fn of(model: Truncation, configured_tokens: Option<u64>) -> Self {
        let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        match (model, configured_tokens) {
            (Truncation::Bytes(bytes), None) => Limit::Bytes(size(bytes)),
            (Truncation::Bytes(_), Some(tokens)) => {
                Limit::Bytes(size(tokens).saturating_mul(BYTES_PER_TOKEN))
            }
            (Truncation::Tokens(tokens), configured) => Limit::Tokens(size(configured.unwrap_or(tokens))),
        }
    }

    /// The limit of what is recorded of outputs that no tool has shortened: a fifth more.
    pub(crate) fn of_history(self) -> Self {
        match self {
            Limit::Bytes(bytes) => Limit::Bytes(bytes.saturating_add(bytes / 5)),
            Limit::Tokens(tokens) => Limit::Tokens(tokens.saturating_add(tokens / 5)),
        }
    }

    fn bytes(self) -> usize {
        match self {
            Limit::Bytes(bytes) => bytes,
            Limit::Tokens(tokens) => tokens.saturating_mul(BYTES_PER_TOKEN),
        }
    }
}

/// The number of tokens a text counts as.
pub(crate) fn tokens(bytes: usize) -> usize {
    bytes.div_ceil(BYTES_PER_TOKEN)
}

/// Shortens a text that is longer than the limit.
pub(crate) fn truncate(text: &str, limit: Limit) -> Truncated {
    let budget = limit.bytes();
    if text.len() <= budget {
        return Truncated { text: text.to_owned(), is_cut: false };
    }
    let head = text.floor_char_boundary(budget / 2);
    let tail = text.ceil_char_boundary(text.len() - (budget - budget / 2)).max(head);
    let removed = &text[head..tail];
    let mark = match limit {
        Limit::Bytes(_) => format!("…{} chars truncated…", removed.chars().count()),
        Limit::Tokens(_) => format!("…{} tokens truncated…", tokens(removed.len())),
    };
    Truncated { text: [&text[..head], &mark, &text[tail..]].concat(), is_cut: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_stay_and_the_mark_says_what_is_missing() {
        let check = |text: &str, limit, expected: &str| {
            let truncated = truncate(text, limit);
            assert_eq!(truncated.text, expected);
            assert_eq!(truncated.is_cut, text != expected);
        };
        check("0123456789", Limit::Bytes(10), "0123456789");
        check("0123456789", Limit::Bytes(4), "01…6 chars truncated…89");
        check("0123456789ab", Limit::Tokens(1), "01…2 tokens truncated…ab");
        check("0123456789", Limit::Bytes(0), "…10 chars truncated…");
        // Never within a character.
        check("äöüß", Limit::Bytes(3), "…3 chars truncated…ß");
        check("", Limit::Bytes(0), "");
    }

    #[test]
    fn a_configured_limit_counts_tokens_whatever_the_model_counts() {
        assert_eq!(Limit::of(Truncation::Bytes(10_000), None), Limit::Bytes(10_000));
        assert_eq!(Limit::of(Truncation::Bytes(10_000), Some(100)), Limit::Bytes(400));
        assert_eq!(Limit::of(Truncation::Tokens(10_000), Some(100)), Limit::Tokens(100));
        assert_eq!(Limit::Tokens(100).of_history(), Limit::Tokens(120));
    }
}
