//! What can be wrong with a configuration, with the place in the file. It must not decide what happens then.

use std::fmt;
use std::ops;
use std::path::{Path, PathBuf};

/// A place in a text file; both numbers count from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// A stretch of a text file; the end is the last character itself, as both references report it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextRange {
    /// The first character.
    pub start: Position,
    /// The last character; equal to `start` for an empty stretch.
    pub end: Position,
}

impl TextRange {
    /// Converts a byte span of `text`.
    pub fn of_span(text: &str, span: ops::Range<usize>) -> Self {
        let start = position(text, span.start);
        let end = if span.end > span.start + 1 { position(text, span.end - 1) } else { start };
        Self { start, end }
    }
}

fn position(text: &str, byte: usize) -> Position {
    let mut byte = byte.min(text.len());
    while !text.is_char_boundary(byte) {
        byte -= 1;
    }
    let before = &text[..byte];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Position { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
}

/// A configuration that does not load. Displayed as `<file>:<line>:<column>: <reason>` as far as the place is known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// The reason, without the place.
    pub message: String,
    /// The file, when the error lies in one.
    pub path: Option<PathBuf>,
    /// The place within the file.
    pub range: Option<TextRange>,
}

impl ConfigError {
    /// Makes an error that belongs to no place in a file.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), path: None, range: None }
    }

    /// Makes an error about a place in `text`, the content of `path`.
    pub fn at(path: &Path, text: &str, span: Option<ops::Range<usize>>, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            path: Some(path.to_owned()),
            range: span.map(|span| TextRange::of_span(text, span)),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.path {
            write!(f, "{}:", path.display())?;
            if let Some(range) = self.range {
                write!(f, "{}:{}:", range.start.line, range.start.column)?;
            }
            f.write_str(" ")?;
        }
        f.write_str(&self.message)
    }
}

/// Something the user should know about a configuration that loads, or the reason why it does not; becomes a
/// `configWarning` notification (config.md section 3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigWarning {
    /// One sentence.
    pub summary: String,
    /// The particulars, if there are any.
    pub details: Option<String>,
    /// The file it is about.
    pub path: Option<PathBuf>,
    /// The place within the file.
    pub range: Option<TextRange>,
}

impl ConfigWarning {
    pub(crate) fn new(summary: impl Into<String>, details: Option<String>) -> Self {
        Self { summary: summary.into(), details, path: None, range: None }
    }

    /// Makes the warning that says the server runs on defaults because of `error`.
    pub fn invalid_configuration(error: &ConfigError) -> Self {
        Self {
            // This sentence is on the wire of both references; clients show it.
            summary: "Invalid configuration; using defaults.".to_owned(),
            details: Some(error.to_string()),
            path: error.path.clone(),
            range: error.range,
        }
    }
}

/// A setting that still works, or no longer does, and has a better form; becomes a `deprecationNotice` after
/// `thread/start`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeprecationNotice {
    /// One sentence naming the old form.
    pub summary: String,
    /// What to write instead.
    pub details: Option<String>,
}
