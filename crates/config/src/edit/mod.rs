//! Changing the text of a configuration file: text in, text out, no file is touched here. An edit changes the bytes of
//! its own key and no others: comments, order, spacing, line endings and everything else stay as they are.
//!
//! - [`path`]: the key paths of requests.
//! - `plan`: what an edit means for the table: which keys are put and which removed.
//! - `outline`: where keys, sections and values stand in the text.
//! - `splice`: a step as replacements of stretches of the text.
//! - `render`: new values as text.
//!
//! What comes out is parsed again and compared with the table that was wanted, so a mistake in finding the place can
//! only refuse an edit, never spoil a file.

mod outline;
pub mod path;
mod plan;
mod render;
mod splice;

use std::fmt;

use toml::{Table, Value};

use crate::overrides;

pub use path::{KeyPathError, parse_key_path};

/// What some editors put at the beginning of a file.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// The first one does the edit, the second puts back what vanished, the third finds nothing to do.
const MAX_ROUNDS: usize = 4;

/// One step on the way to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// A key of a table.
    Key(String),
    /// An element of an array, from 0; the length of the array stands for one more. Key paths of requests cannot
    /// name elements.
    Index(usize),
}

impl From<&str> for Segment {
    fn from(key: &str) -> Self {
        Segment::Key(key.to_owned())
    }
}

impl From<String> for Segment {
    fn from(key: String) -> Self {
        Segment::Key(key)
    }
}

/// Dotted, keys quoted where they have to be, elements by index.
pub(crate) struct Dotted<'a>(pub(crate) &'a [Segment]);

impl fmt::Display for Dotted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, segment) in self.0.iter().enumerate() {
            if number > 0 {
                f.write_str(".")?;
            }
            match segment {
                Segment::Key(key) => f.write_str(&render::key(key))?,
                Segment::Index(index) => write!(f, "{index}")?,
            }
        }
        Ok(())
    }
}

/// What happens at a path.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// The value becomes this one.
    Replace(Value),
    /// A table is merged into the table that is there, recursively; anything else replaces.
    Upsert(Value),
    /// The key goes; nothing happens when it is not there. The tables around it stay.
    Clear,
}

/// One edit of a configuration file.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    /// Where. Tables missing on the way are made; a scalar in the way becomes a table.
    pub path: Vec<Segment>,
    /// What.
    pub change: Change,
}

impl Edit {
    /// Makes an edit out of a key path and a JSON value as requests have them. Null clears; a null inside an object
    /// is left out.
    ///
    /// # Errors
    /// When the path cannot be read, or a null stands in an array.
    pub fn from_json(key_path: &str, value: &serde_json::Value, upsert: bool) -> Result<Self, EditError> {
        let path = parse_key_path(key_path)?;
        if has_null_element(value) {
            return Err(EditError::NullElement(key_path.to_owned()));
        }
        let change = match overrides::from_json_value(value) {
            None => Change::Clear,
            Some(value) if upsert => Change::Upsert(value),
            Some(value) => Change::Replace(value),
        };
        Ok(Edit { path, change })
    }
}

fn has_null_element(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::Array(items) => items.iter().any(|item| item.is_null() || has_null_element(item)),
        serde_json::Value::Object(members) => members.values().any(has_null_element),
        _ => false,
    }
}

/// Why an edit cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The key path is malformed.
    #[error(transparent)]
    KeyPath(#[from] KeyPathError),
    /// TOML has no null.
    #[error("the value of `{0}` has a null in an array, which a configuration file cannot hold")]
    NullElement(String),
    /// The file itself is not TOML; it is left as it is.
    #[error("{0}")]
    Unreadable(String),
    /// The path leads into an array, or past its end.
    #[error("`{0}` is an array; its elements cannot be set one by one")]
    InArray(String),
    /// No place was found where the edit does what it says. Nothing of the text may be used.
    #[error("the configuration file cannot be edited at `{0}`")]
    NoPlace(String),
}

/// An edited file.
#[derive(Debug, Clone, PartialEq)]
pub struct Edited {
    /// The whole text; equal to the original when nothing had to change.
    pub text: String,
    /// What it says, paths not resolved.
    pub table: Table,
}

/// Makes all edits, one after the other, or none.
///
/// # Errors
/// See [`EditError`].
pub fn apply(text: &str, edits: &[Edit]) -> Result<Edited, EditError> {
    let body = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let mut draft = splice::Draft::new(body.to_owned()).map_err(EditError::Unreadable)?;
    for edit in edits {
        make(&mut draft, edit)?;
    }
    let mark = &text[..text.len() - body.len()];
    let (body, table) = draft.into_parts();
    Ok(Edited { text: format!("{mark}{body}"), table })
}

fn make(draft: &mut splice::Draft, edit: &Edit) -> Result<(), EditError> {
    let no_place = || EditError::NoPlace(Dotted(&edit.path).to_string());
    // A table that only the headers and dotted keys of others made can vanish with them; the next round puts it back.
    for _ in 0..MAX_ROUNDS {
        let steps = plan::steps(draft.table(), edit)?;
        if steps.is_empty() {
            return Ok(());
        }
        let mut wanted = draft.table().clone();
        for step in &steps {
            plan::carry_out(&mut wanted, step);
            draft.carry_out(step).ok_or_else(no_place)?;
        }
        if !plan::is_same(&wanted, draft.table()) {
            return Err(no_place());
        }
        // Another element may have moved up to where the cleared one was.
        if edit.change == Change::Clear {
            return Ok(());
        }
    }
    Err(no_place())
}

#[cfg(test)]
mod tests;
