//! Writes a worked-out patch to disk: all of it, or nothing. Must not know what a patch looks like.
//!
//! New files are written beside their places and renamed into them, so that nobody sees half a file, and every
//! rename can be undone until the last one is done. A file is only replaced while it still is what the patch was
//! worked out against.
//!
//! - A link as the last name was followed when the patch was worked out: its target is written, and must lie within
//!   the roots like any other file. While writing, no link is followed at all.
//! - A file with several names (hard links) is replaced under this name only. The other names, which may be outside
//!   the roots, keep the old content.

#[cfg(any(not(unix), test))]
mod plain;
#[cfg(unix)]
mod unix;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::overlay::{After, FileState, NewFile};
use crate::resolve::Found;
use crate::verify::Verified;

/// Why a patch was not written. Nothing has changed, except what `not_undone` names.
#[derive(Debug)]
pub struct CommitError {
    /// The file where it failed, links followed.
    pub path: PathBuf,
    /// The same as in the patch.
    pub shown: String,
    /// What failed.
    pub cause: CommitFailure,
    /// Files that could not be put back to what they were.
    pub not_undone: Vec<PathBuf>,
}

/// The kinds of [`CommitError`].
#[derive(Debug)]
pub enum CommitFailure {
    /// The file is not below any of the folders that may be written.
    Outside,
    /// The file, or a folder above it, is no longer what the patch was worked out against.
    Changed,
    /// The file cannot be written.
    Write(io::Error),
    /// The file cannot be removed.
    Delete(io::Error),
}

impl CommitError {
    /// Returns what the command line prints, with the path as given.
    #[must_use]
    pub fn helper_text(&self) -> String {
        let mut text = match &self.cause {
            CommitFailure::Write(_) => format!("Failed to write file {}", self.shown),
            CommitFailure::Delete(_) => format!("Failed to delete file {}", self.shown),
            CommitFailure::Outside | CommitFailure::Changed => self.text(&self.shown),
        };
        self.add_not_undone(&mut text);
        text
    }

    fn text(&self, path: &dyn std::fmt::Display) -> String {
        match &self.cause {
            CommitFailure::Outside => format!("Failed to write file {path}: outside of the writable folders"),
            CommitFailure::Changed => {
                format!("Failed to write file {path}: changed since the patch was checked")
            }
            CommitFailure::Write(error) => format!("Failed to write file {path}: {error}"),
            CommitFailure::Delete(error) => format!("Failed to delete file {path}: {error}"),
        }
    }

    fn add_not_undone(&self, text: &mut String) {
        if !self.not_undone.is_empty() {
            let paths: Vec<_> = self.not_undone.iter().map(|path| path.display().to_string()).collect();
            text.push_str(&format!("\nThese files could not be restored: {}", paths.join(", ")));
        }
    }
}

impl std::fmt::Display for CommitError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = self.text(&self.path.display());
        self.add_not_undone(&mut text);
        f.write_str(&text)
    }
}

impl std::error::Error for CommitError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.cause {
            CommitFailure::Write(error) | CommitFailure::Delete(error) => Some(error),
            CommitFailure::Outside | CommitFailure::Changed => None,
        }
    }
}

/// One file to be written or removed.
struct Step<'a> {
    /// Absolute and without links.
    path: &'a Path,
    folder: &'a Path,
    #[cfg(unix)]
    name: &'a std::ffi::OsStr,
    shown: &'a str,
    before: Option<&'a Found>,
    /// `None`: the file goes.
    after: Option<&'a NewFile>,
}

impl<'a> Step<'a> {
    /// `None` when there is nothing to do.
    fn of(path: &'a Path, state: &'a FileState) -> Option<Self> {
        let after = match (&state.before, &state.after) {
            (_, After::Link) | (None, After::Nothing) => return None,
            (Some(Found::File { content, mode }), After::File(after))
                if *content == after.content && after.mode == Some(*mode) =>
            {
                return None;
            }
            (_, After::Nothing) => None,
            (_, After::File(file)) => Some(file),
        };
        Some(Self {
            path,
            folder: path.parent()?,
            #[cfg(unix)]
            name: path.file_name()?,
            shown: &state.shown,
            before: state.before.as_ref(),
            after,
        })
    }

    fn failed(&self, error: io::Error) -> CommitError {
        let cause =
            if self.after.is_some() { CommitFailure::Write(error) } else { CommitFailure::Delete(error) };
        self.error(cause)
    }

    fn error(&self, cause: CommitFailure) -> CommitError {
        CommitError {
            path: self.path.to_owned(),
            shown: self.shown.to_owned(),
            cause,
            not_undone: Vec::new(),
        }
    }

    fn check(&self, checked: io::Result<bool>) -> Result<(), CommitError> {
        match checked {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.error(CommitFailure::Changed)),
            Err(error) => Err(self.failed(error)),
        }
    }
}

impl Verified {
    /// Writes the patch. With `within`, only below these folders, which should be given without links in them;
    /// whether the caller wants some places below them left alone is for it to see in [`Verified::touched`].
    ///
    /// # Errors
    /// The first file that could not be written or is not what it was when the patch was worked out. Then nothing
    /// has changed, except what [`CommitError::not_undone`] names.
    pub fn commit(&self, within: Option<&[PathBuf]>) -> Result<(), CommitError> {
        let steps = self.steps();
        let roots = within.map(real_roots);
        #[cfg(unix)]
        return unix::write(&steps, roots.as_deref());
        #[cfg(not(unix))]
        return plain::write(&steps, roots.as_deref());
    }

    fn steps(&self) -> Vec<Step<'_>> {
        self.files.iter().filter_map(|(path, state)| Step::of(path, state)).collect()
    }
}

/// Follows links in the roots, which a caller may have been given by a person. A root that lies within another one
/// could be replaced by a link from inside, by the very commands that are to be kept in: it is only taken as it is.
fn real_roots(roots: &[PathBuf]) -> Vec<PathBuf> {
    roots
        .iter()
        .filter_map(|root| fs::canonicalize(root).ok().map(|real| (root, real)))
        .filter(|(root, real)| {
            *root == real || !roots.iter().any(|other| other != *root && root.starts_with(other))
        })
        .map(|(_, real)| real)
        .collect()
}

/// Returns a name no file has yet, most likely; whoever creates it must insist on creating.
fn temporary_name() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::{SystemTime, UNIX_EPOCH};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.subsec_nanos());
    format!(".app-server-patch-{:x}-{nanos:x}-{number:x}", std::process::id())
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
