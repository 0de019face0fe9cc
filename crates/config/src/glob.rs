//! Patterns for the names of variables. It knows nothing of variables.

use std::fmt;

/// A pattern: `*` is any run of characters, `?` any one, `[a-z_]` one of a set and `[!a-z]` one outside of it. Capital
/// and small letters are the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Glob(Vec<Token>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    AnyRun,
    AnyOne,
    One(char),
    Set { inside: bool, ranges: Vec<(char, char)> },
}

/// Why a text is no pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GlobError {
    /// A `[` without its `]`.
    OpenSet,
    /// A range whose end lies before its start.
    BackwardRange,
}

impl fmt::Display for GlobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OpenSet => "`[` without `]`",
            Self::BackwardRange => "a range that runs backwards",
        })
    }
}

impl Glob {
    /// Reads a pattern.
    pub(crate) fn parse(pattern: &str) -> Result<Self, GlobError> {
        let mut tokens = Vec::new();
        let lower = pattern.to_lowercase();
        let mut chars = lower.chars();
        while let Some(c) = chars.next() {
            tokens.push(match c {
                '*' => Token::AnyRun,
                '?' => Token::AnyOne,
                '[' => {
                    let (set, rest) = parse_set(chars.as_str())?;
                    chars = rest.chars();
                    set
                }
                c => Token::One(c),
            });
        }
        Ok(Self(tokens))
    }

    /// Returns whether the pattern covers the whole of `name`.
    pub(crate) fn matches(&self, name: &str) -> bool {
        let name: Vec<char> = name.to_lowercase().chars().collect();
        let (mut at, mut token) = (0, 0);
        // After the last `*`, and how far that `*` reaches: the only place worth returning to.
        let mut retry: Option<(usize, usize)> = None;
        while let Some(&c) = name.get(at) {
            match self.0.get(token) {
                Some(Token::AnyRun) => {
                    token += 1;
                    retry = Some((token, at));
                }
                Some(one) if one.covers(c) => {
                    token += 1;
                    at += 1;
                }
                _ => {
                    let Some((after, reach)) = &mut retry else { return false };
                    *reach += 1;
                    (token, at) = (*after, *reach);
                }
            }
        }
        self.0.iter().skip(token).all(|token| *token == Token::AnyRun)
    }
}

impl Token {
    fn covers(&self, c: char) -> bool {
        match self {
            Self::AnyRun => false,
            Self::AnyOne => true,
            Self::One(one) => *one == c,
            Self::Set { inside, ranges } => {
                ranges.iter().any(|(first, last)| (*first..=*last).contains(&c)) == *inside
            }
        }
    }
}

/// Reads a set from behind its `[`, and returns what follows its `]`. A `]` that comes first stands for itself, as does
/// a `-` at either end.
fn parse_set(text: &str) -> Result<(Token, &str), GlobError> {
    let body = text.strip_prefix(['!', '^']);
    let inside = body.is_none();
    let body = body.unwrap_or(text);
    let first = body.chars().next().ok_or(GlobError::OpenSet)?.len_utf8();
    let end = first + body[first..].find(']').ok_or(GlobError::OpenSet)?;
    let mut ranges = Vec::new();
    let mut chars = body[..end].chars().peekable();
    while let Some(first) = chars.next() {
        let mut ahead = chars.clone();
        match (ahead.next(), ahead.next()) {
            (Some('-'), Some(last)) if last < first => return Err(GlobError::BackwardRange),
            (Some('-'), Some(last)) => {
                chars = ahead;
                ranges.push((first, last));
            }
            _ => ranges.push((first, first)),
        }
    }
    Ok((Token::Set { inside, ranges }, &body[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn what_patterns_cover() {
        for (pattern, yes, no) in [
            ("", &[""][..], &["A"][..]),
            ("*", &["", "PATH"], &[]),
            ("PATH", &["PATH", "path", "Path"], &["PATHS", "XPATH", ""]),
            ("*key*", &["KEY", "MY_KEY", "keyboard", "A_KEY_B"], &["KE", "K_EY"]),
            ("AWS_*", &["AWS_", "aws_region"], &["AWS", "XAWS_A"]),
            ("*_ID", &["A_ID", "_id", "A_ID_ID"], &["A_IDX"]),
            ("A*B*C", &["ABC", "AxBxBxC", "aBBC"], &["ABCD", "ACB"]),
            ("A?C", &["ABC", "aéc"], &["AC", "ABBC"]),
            ("*?", &["A", "AB"], &[""]),
            ("[A-C]X", &["AX", "cx"], &["DX", "X", "A"]),
            ("[!a-c]X", &["DX"], &["AX", "cx"]),
            ("[^_]*", &["A"], &["_A", ""]),
            ("[]x]", &["]", "X"], &["y"]),
            ("[a-]", &["a", "-"], &["b"]),
            ("[-a]", &["a", "-"], &["b"]),
            ("[a-c0-9_]", &["B", "5", "_"], &["d", "-"]),
            ("A]", &["a]"], &["a"]),
        ] {
            let glob = Glob::parse(pattern).unwrap();
            for name in yes {
                assert!(glob.matches(name), "{pattern} {name}");
            }
            for name in no {
                assert!(!glob.matches(name), "{pattern} {name}");
            }
        }
    }

    #[test]
    fn what_is_no_pattern() {
        for (pattern, error) in [
            ("[", GlobError::OpenSet),
            ("A[b", GlobError::OpenSet),
            ("[]", GlobError::OpenSet),
            ("[!", GlobError::OpenSet),
            ("[!]", GlobError::OpenSet),
            ("[c-a]", GlobError::BackwardRange),
        ] {
            assert_eq!(Glob::parse(pattern), Err(error), "{pattern}");
        }
    }

    #[test]
    fn many_stars_take_no_long_time() {
        let name = "a".repeat(2_000);
        assert!(!Glob::parse(&("*a".repeat(50) + "b")).unwrap().matches(&name));
    }
}
