//! Key paths of requests: segments with dots between, `projects."/srv/me/x.y".trust_level` (config.md section 14).

use super::Segment;

/// Why a key path cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyPathError {
    /// There is nothing. The sentence is on the wire of both references.
    #[error("keyPath must not be empty")]
    Empty,
    /// Two dots in a row, a dot at an end, or empty quotes.
    #[error("keyPath has an empty segment: {0}")]
    EmptySegment(String),
    /// A quoted segment does not end, or something follows its closing quote.
    #[error("keyPath has a quoted segment that does not end at a dot: {0}")]
    Unclosed(String),
}

/// Splits a key path. A segment that begins with a double quote ends at the next one and may hold dots; a backslash
/// takes the character after it as it stands. Single quotes mean nothing.
///
/// # Errors
/// When the path or a segment is empty, or quotes do not match.
pub fn parse_key_path(text: &str) -> Result<Vec<Segment>, KeyPathError> {
    if text.is_empty() {
        return Err(KeyPathError::Empty);
    }
    let mut path = Vec::new();
    let mut rest = text;
    loop {
        let (segment, after) = match rest.strip_prefix('"') {
            Some(quoted) => unquote(quoted).ok_or_else(|| KeyPathError::Unclosed(text.to_owned()))?,
            None => {
                let end = rest.find('.').unwrap_or(rest.len());
                (rest[..end].to_owned(), &rest[end..])
            }
        };
        if segment.is_empty() {
            return Err(KeyPathError::EmptySegment(text.to_owned()));
        }
        path.push(Segment::Key(segment));
        if after.is_empty() {
            return Ok(path);
        }
        rest = after.strip_prefix('.').ok_or_else(|| KeyPathError::Unclosed(text.to_owned()))?;
    }
}

/// Reads up to the closing quote; returns what follows it too.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut segment = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((segment, &text[at + 1..])),
            '\\' => segment.push(characters.next()?.1),
            other => segment.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    fn keys(text: &str) -> Vec<String> {
        let segments = parse_key_path(text).unwrap().into_iter();
        segments
            .map(|segment| match segment {
                Segment::Key(key) => key,
                Segment::Index(index) => panic!("an index: {index}"),
            })
            .collect()
    }

    #[test]
    fn splits_on_dots_outside_quotes() {
        assert_eq!(keys("model"), ["model"]);
        assert_eq!(keys("a.b-c.d_1"), ["a", "b-c", "d_1"]);
        assert_eq!(keys(r#"projects."/srv/me/x.y".trust_level"#), ["projects", "/srv/me/x.y", "trust_level"]);
        assert_eq!(keys(r#""a \"b\" \\ c".d"#), [r#"a "b" \ c"#, "d"]);
        assert_eq!(keys("a.'b'.c d"), ["a", "'b'", "c d"]);
        assert_eq!(keys(r#"a.b"c"#), ["a", "b\"c"]);
        assert_eq!(keys("ü.日本"), ["ü", "日本"]);
    }

    #[test]
    fn malformed_paths_are_refused() {
        assert_eq!(parse_key_path(""), Err(KeyPathError::Empty));
        for text in [".", "a.", ".a", "a..b", r#"a."""#] {
            assert_eq!(parse_key_path(text), Err(KeyPathError::EmptySegment(text.to_owned())));
        }
        for text in [r#""a"#, r#"a."b"c"#, r#""a\"#] {
            assert_eq!(parse_key_path(text), Err(KeyPathError::Unclosed(text.to_owned())));
        }
    }
}
