//! Works a patch out against the files on disk. Writes nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::overlay::{After, FileState, NewFile, Overlay};
use crate::parse::{Chunk, Operation, Patch};
use crate::resolve;
use crate::text::{self, Mismatch};
use crate::unified;

/// Lines around a change in what people are shown of it.
const CONTEXT: usize = 1;
/// More than any source file has.
const MAX_LINES: usize = 4_000_000;

/// A patch worked out in memory: what each operation does, and what the files will be. Nothing is written yet.
#[derive(Debug, Clone)]
pub struct Verified {
    /// One per operation, in the order of the patch.
    pub changes: Vec<Change>,
    /// The net effect, by real path.
    pub(crate) files: BTreeMap<PathBuf, FileState>,
}

/// What one operation does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Absolute, without `.` and `..`; may lead through links.
    pub path: PathBuf,
    /// The file that is written or removed, links followed. What a policy must look at, next to `path`.
    pub real: PathBuf,
    /// As in the patch.
    pub shown: String,
    /// What is done to it.
    pub kind: ChangeKind,
    /// For moves: the target as in the patch, and its real path.
    pub moved: Option<MoveTarget>,
}

/// Where a move goes, beyond the path in [`ChangeKind::Update`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveTarget {
    /// As in the patch.
    pub shown: String,
    /// Links followed.
    pub real: PathBuf,
}

/// The kinds of change. An operation sees the results of those before it, so `old` may never have been on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeKind {
    /// A whole file.
    Add {
        /// Its text.
        content: String,
        /// What it replaces, if anything; any bytes.
        overwritten: Option<Vec<u8>>,
    },
    /// A file goes.
    Delete {
        /// Its text.
        content: String,
    },
    /// A file changes and may move.
    Update {
        /// Absolute target; `None` too when a patch moves a file onto itself.
        move_to: Option<PathBuf>,
        /// The text before.
        old: String,
        /// The text after.
        new: String,
        /// Hunks with one line of context and no file header.
        unified_diff: String,
    },
}

/// Why a patch cannot be applied to the files as they are.
#[derive(Debug)]
pub struct ApplyError {
    /// Absolute.
    pub path: PathBuf,
    /// As in the patch.
    pub shown: String,
    /// What failed.
    pub reason: ApplyFailure,
}

/// The kinds of [`ApplyError`].
#[derive(Debug)]
pub enum ApplyFailure {
    /// The file to be updated cannot be read, or is not text.
    Read(io::Error),
    /// The file to be deleted cannot be.
    Delete(io::Error),
    /// The file to be written cannot be.
    Write(io::Error),
    /// No line equals the anchor.
    Anchor(String),
    /// The lines, joined by line feeds, are not in the file.
    Lines(String),
}

impl ApplyError {
    /// Returns what the command line prints: the path as given, and the reason only where scripts know it.
    #[must_use]
    pub fn helper_text(&self) -> String {
        match &self.reason {
            ApplyFailure::Read(error) => format!("Failed to read file to update {}: {error}", self.shown),
            ApplyFailure::Delete(_) => format!("Failed to delete file {}", self.shown),
            ApplyFailure::Write(_) => format!("Failed to write file {}", self.shown),
            ApplyFailure::Anchor(_) | ApplyFailure::Lines(_) => self.mismatch(&self.shown),
        }
    }

    fn mismatch(&self, path: &dyn fmt::Display) -> String {
        match &self.reason {
            ApplyFailure::Anchor(anchor) => format!("Failed to find context '{anchor}' in {path}"),
            ApplyFailure::Lines(lines) => format!("Failed to find expected lines in {path}:\n{lines}"),
            ApplyFailure::Read(_) | ApplyFailure::Delete(_) | ApplyFailure::Write(_) => String::new(),
        }
    }
}

/// What the model is told, with absolute paths.
impl fmt::Display for ApplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.reason {
            ApplyFailure::Read(error) | ApplyFailure::Delete(error) => {
                write!(f, "Failed to read {path}: {error}")
            }
            ApplyFailure::Write(error) => write!(f, "Failed to write file {path}: {error}"),
            ApplyFailure::Anchor(_) | ApplyFailure::Lines(_) => f.write_str(&self.mismatch(&path)),
        }
    }
}

impl std::error::Error for ApplyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.reason {
            ApplyFailure::Read(error) | ApplyFailure::Delete(error) | ApplyFailure::Write(error) => {
                Some(error)
            }
            ApplyFailure::Anchor(_) | ApplyFailure::Lines(_) => None,
        }
    }
}

/// Works `patch` out in `base`, an absolute folder. Each operation sees the files as those before it leave them.
///
/// # Errors
/// The first operation that cannot be done: a file that is missing, no regular file, not UTF-8 or too large, or
/// lines that are not there.
pub fn verify(patch: &Patch, base: &Path) -> Result<Verified, ApplyError> {
    work_out(patch, base, Deletions::Text)
}

/// What may be deleted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deletions {
    /// Text only: people are shown what goes.
    Text,
    /// Any file: nobody is shown anything.
    Any,
}

pub(crate) fn work_out(patch: &Patch, base: &Path, deletions: Deletions) -> Result<Verified, ApplyError> {
    let mut work = Work { base, overlay: Overlay::default(), deletions };
    let changes =
        patch.operations.iter().map(|operation| work.operation(operation)).collect::<Result<_, _>>()?;
    Ok(Verified { changes, files: work.overlay.into_files() })
}

struct Work<'a> {
    base: &'a Path,
    overlay: Overlay,
    deletions: Deletions,
}

impl Work<'_> {
    fn operation(&mut self, operation: &Operation) -> Result<Change, ApplyError> {
        let shown = operation.path();
        let path = resolve::absolute(self.base, shown);
        let failed = |reason| ApplyError { path: path.clone(), shown: shown.to_owned(), reason };
        let (real, kind, moved) = match operation {
            Operation::Add { content, .. } => {
                let (real, kind) =
                    self.add(&path, shown, content).map_err(|error| failed(ApplyFailure::Write(error)))?;
                (real, kind, None)
            }
            Operation::Delete { .. } => {
                let (real, kind) =
                    self.delete(&path, shown).map_err(|error| failed(ApplyFailure::Delete(error)))?;
                (real, kind, None)
            }
            Operation::Update { move_to, chunks, .. } => {
                let (real, old) =
                    self.text(&path, shown).map_err(|error| failed(ApplyFailure::Read(error)))?;
                self.update(&path, shown, real, old, move_to.as_deref(), chunks)?
            }
        };
        Ok(Change { path, real, shown: shown.to_owned(), kind, moved })
    }

    fn add(&mut self, path: &Path, shown: &str, content: &str) -> io::Result<(PathBuf, ChangeKind)> {
        names_a_file(shown)?;
        let real = self.overlay.real_target(path)?;
        let current = self.overlay.current(&real, shown)?;
        let mode = current.as_ref().and_then(|file| file.mode);
        let after = NewFile { content: content.as_bytes().to_vec(), mode };
        self.overlay.set(&real, shown, After::File(after))?;
        let overwritten = current.map(|file| file.content);
        Ok((real, ChangeKind::Add { content: content.to_owned(), overwritten }))
    }

    /// Removes the name: a link goes, what it points to stays.
    fn delete(&mut self, path: &Path, shown: &str) -> io::Result<(PathBuf, ChangeKind)> {
        let real = self.overlay.real(path)?;
        let link = self.overlay.is_link(&real, shown)?;
        let read = if link { resolve::follow(&real)? } else { real.clone() };
        let file = self.overlay.current(&read, shown)?.ok_or_else(not_found)?;
        let content = match self.deletions {
            Deletions::Text => utf8(file.content)?,
            Deletions::Any => String::from_utf8_lossy(&file.content).into_owned(),
        };
        self.overlay.set(&real, shown, After::Nothing)?;
        Ok((real, ChangeKind::Delete { content }))
    }

    fn text(&mut self, path: &Path, shown: &str) -> io::Result<(PathBuf, NewFile)> {
        let real = self.overlay.real_target(path)?;
        let file = self.overlay.current(&real, shown)?.ok_or_else(not_found)?;
        Ok((real, file))
    }

    fn update(
        &mut self,
        path: &Path,
        shown: &str,
        real: PathBuf,
        file: NewFile,
        move_to: Option<&str>,
        chunks: &[Chunk],
    ) -> Result<(PathBuf, ChangeKind, Option<MoveTarget>), ApplyError> {
        let failed = |reason| ApplyError { path: path.to_owned(), shown: shown.to_owned(), reason };
        let old = utf8(file.content)
            .and_then(few_enough_lines)
            .map_err(|error| failed(ApplyFailure::Read(error)))?;
        let new = text::apply(&old, chunks).map_err(|mismatch| {
            failed(match mismatch {
                Mismatch::Anchor(anchor) => ApplyFailure::Anchor(anchor),
                Mismatch::Lines(lines) => ApplyFailure::Lines(lines),
            })
        })?;
        let after = After::File(NewFile { content: new.clone().into_bytes(), mode: file.mode });
        let target = move_to.map(|target| (resolve::absolute(self.base, target), target));
        let written = match &target {
            None => {
                let set = self.overlay.set(&real, shown, after);
                set.map(|()| None).map_err(|error| failed(ApplyFailure::Write(error)))?
            }
            Some((target, target_shown)) => {
                let moved = self.moved(path, shown, target, target_shown, after);
                moved.map_err(|error| ApplyError {
                    path: target.clone(),
                    shown: (*target_shown).to_owned(),
                    reason: ApplyFailure::Write(error),
                })?
            }
        };
        let unified_diff = unified::hunks(&old, &new, CONTEXT);
        let move_to = target.filter(|_| written.is_some()).map(|(target, _)| target);
        Ok((real, ChangeKind::Update { move_to, old, new, unified_diff }, written))
    }

    /// Returns `None` when the file is moved onto itself, which is no move; taken as one it would be lost.
    fn moved(
        &mut self,
        path: &Path,
        shown: &str,
        target: &Path,
        target_shown: &str,
        after: After,
    ) -> io::Result<Option<MoveTarget>> {
        names_a_file(target_shown)?;
        let name = self.overlay.real(path)?;
        let real = self.overlay.real_target(target)?;
        self.overlay.set(&real, target_shown, after)?;
        if target == path || real == name {
            return Ok(None);
        }
        self.overlay.set(&name, shown, After::Nothing)?;
        Ok(Some(MoveTarget { shown: target_shown.to_owned(), real }))
    }
}

fn names_a_file(shown: &str) -> io::Result<()> {
    if shown.ends_with(std::path::is_separator) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "names a folder"));
    }
    Ok(())
}

fn not_found() -> io::Error {
    // The system's own wording, which models have learnt.
    #[cfg(unix)]
    return rustix::io::Errno::NOENT.into();
    #[cfg(not(unix))]
    return io::ErrorKind::NotFound.into();
}

/// Each line costs many times its length while it is worked on.
fn few_enough_lines(text: String) -> io::Result<String> {
    if text.bytes().filter(|&byte| matches!(byte, b'\n' | b'\r')).count() > MAX_LINES {
        let text = format!("more than {MAX_LINES} lines");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
    }
    Ok(text)
}

fn utf8(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "stream did not contain valid UTF-8"))
}
