//! A text that is searched for, whatever the case, and what is shown of where it was found. Must not know threads.

use std::ops::Range;

use app_server_protocol::v2::ThreadSearchTextRange;

use crate::error::CoreError;

/// Characters shown before and behind what was found.
const SHOWN_BEFORE: usize = 40;
const SHOWN_BEHIND: usize = 80;

/// What is searched for.
#[derive(Debug)]
pub(super) struct Term {
    folded: Vec<char>,
}

/// The text around a place, on one line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Snippet {
    pub(super) text: String,
    /// Where in it the term is, in UTF-16 units.
    pub(super) range: ThreadSearchTextRange,
}

impl Term {
    /// Takes the text a client searches for; blanks count.
    ///
    /// # Errors
    /// When there is nothing but blanks.
    pub(super) fn new(text: &str) -> Result<Term, CoreError> {
        if text.trim().is_empty() {
            return Err(CoreError::Invalid("searchTerm must not be empty".to_owned()));
        }
        Ok(Term { folded: text.chars().flat_map(fold).collect() })
    }

    /// Where the text has the term, in order and without overlap, in bytes.
    pub(super) fn places<'a>(&'a self, text: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
        let mut from = 0;
        std::iter::from_fn(move || {
            let (start, length) = text[from..]
                .char_indices()
                .find_map(|(at, _)| Some((from + at, self.length_at(&text[from + at..])?)))?;
            from = start + length;
            Some(start..from)
        })
    }

    /// The text around its first place in another.
    pub(super) fn first_in(&self, text: &str) -> Option<Snippet> {
        self.places(text).next().map(|place| Snippet::around(text, place))
    }

    /// How many bytes of the text's beginning are the term.
    fn length_at(&self, text: &str) -> Option<usize> {
        let mut rest = self.folded.as_slice();
        for (at, character) in text.char_indices() {
            for folded in fold(character) {
                match rest.split_first() {
                    Some((first, others)) if *first == folded => rest = others,
                    Some(_) => return None,
                    // The character stands for more than the term's end.
                    None => {}
                }
            }
            if rest.is_empty() {
                return Some(at + character.len_utf8());
            }
        }
        None
    }
}

/// What a character is when case does not count. By way of the capital letter, so that "ß" is "ss" and every sigma one.
fn fold(character: char) -> impl Iterator<Item = char> {
    character.to_uppercase().flat_map(char::to_lowercase)
}

impl Snippet {
    /// The text around a place in it.
    pub(super) fn around(text: &str, place: Range<usize>) -> Snippet {
        let (before, behind) = (&text[..place.start], &text[place.end..]);
        let start = before.char_indices().rev().nth(SHOWN_BEFORE - 1).map_or(0, |(at, _)| at);
        let end = behind.char_indices().nth(SHOWN_BEHIND).map_or(behind.len(), |(at, _)| at);
        let mut shown = String::new();
        shown.extend((start > 0).then_some('…'));
        shown.extend(on_one_line(&before[start..]));
        let start = utf16_len(&shown);
        shown.extend(on_one_line(&text[place]));
        let range = ThreadSearchTextRange { start, end: utf16_len(&shown) };
        shown.extend(on_one_line(&behind[..end]));
        shown.extend((end < behind.len()).then_some('…'));
        Snippet { text: shown, range }
    }
}

/// The text with its line breaks, tabs and the like as blanks, each as one.
fn on_one_line(text: &str) -> impl Iterator<Item = char> {
    text.chars().map(|character| if character.is_control() { ' ' } else { character })
}

fn utf16_len(text: &str) -> u32 {
    u32::try_from(text.encode_utf16().count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(term: &str, text: &str, expected: &[&str]) {
        let term = Term::new(term).unwrap();
        let found: Vec<&str> = term.places(text).map(|place| &text[place]).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_term_is_found_whatever_its_case() {
        check("word", "Word, WORD and sword", &["Word", "WORD", "word"]);
        check("STRASSE", "Hauptstraße 1", &["straße"]);
        check("straße", "STRASSE", &["STRASSE"]);
        check("ΟΔΟΣ", "οδός οδος", &["οδος"]);
        check("é", "É e", &["É"]);
        check("日本", "今日本日本", &["日本", "日本"]);
        check("aa", "aaaaa", &["aa", "aa"]);
        check("ab", "aab", &["ab"]);
        check("long", "lon", &[]);
        check("a b", "a  b a b", &["a b"]);
        check("\"q\"\\", r#"say "Q"\ "#, &[r#""Q"\"#]);
    }

    #[test]
    fn a_term_of_blanks_is_refused() {
        for text in ["", " ", "\n\t"] {
            assert_eq!(Term::new(text).unwrap_err().to_string(), "searchTerm must not be empty");
        }
    }

    fn snippet(term: &str, text: &str) -> Snippet {
        Term::new(term).unwrap().first_in(text).unwrap()
    }

    #[test]
    fn a_snippet_is_what_stands_around_on_one_line() {
        let whole = snippet("two", "one\n\ttwo three");
        assert_eq!((whole.text.as_str(), whole.range.start, whole.range.end), ("one  two three", 5, 8));
        let long = snippet("here", &format!("{}here{}", "a".repeat(500), "z".repeat(500)));
        assert_eq!(long.text, format!("…{}here{}…", "a".repeat(SHOWN_BEFORE), "z".repeat(SHOWN_BEHIND)));
        assert_eq!((long.range.start, long.range.end), (41, 45));
        let edges = snippet("here", &format!("{}here{}", "a".repeat(SHOWN_BEFORE), "z".repeat(SHOWN_BEHIND)));
        assert!(!edges.text.contains('…'));
    }

    #[test]
    fn a_snippets_range_counts_as_javascript_does() {
        // The face is two units, the letter with its accent one.
        let Snippet { text, range } = snippet("WÖRD", "😀é wörd!");
        let units: Vec<u16> = text.encode_utf16().collect();
        let marked = &units[range.start as usize..range.end as usize];
        assert_eq!((range.start, String::from_utf16(marked).unwrap()), (4, "wörd".to_owned()));
    }
}
