//! The files of a patch while it is worked out: what is on disk and what will be. Writes nothing.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};

use crate::resolve::{self, Found};

/// Both sides of a patch are in memory at once; past this it is no edit any more.
const MAX_TOTAL: u64 = 256 << 20;

/// A file that a patch touches, under its real name.
#[derive(Debug, Clone)]
pub(crate) struct FileState {
    /// As the patch first named it, for messages.
    pub(crate) shown: String,
    /// What was there when the patch was worked out.
    pub(crate) before: Option<Found>,
    /// What will be there.
    pub(crate) after: After,
}

/// What will be under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum After {
    Nothing,
    /// The link that was there.
    Link,
    File(NewFile),
}

/// The file to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewFile {
    pub(crate) content: Vec<u8>,
    /// Permission bits to be kept; `None` for what the system gives a new file.
    pub(crate) mode: Option<u32>,
}

/// The disk as an operation sees it: with the operations before it done.
#[derive(Default)]
pub(crate) struct Overlay {
    files: BTreeMap<PathBuf, FileState>,
    folders: HashMap<PathBuf, PathBuf>,
    held: u64,
}

impl Overlay {
    /// Returns the files in the order of their paths.
    pub(crate) fn into_files(self) -> BTreeMap<PathBuf, FileState> {
        self.files
    }

    /// Returns where `path` really is, links among its folders followed, itself not.
    pub(crate) fn real(&mut self, path: &Path) -> io::Result<PathBuf> {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "names no file"));
        };
        if let Some(real) = self.folders.get(folder) {
            return Ok(resolve::spelled(real.join(name)));
        }
        let real = resolve::real_folder(folder)?;
        let path = resolve::spelled(real.join(name));
        self.folders.insert(folder.to_owned(), real);
        Ok(path)
    }

    /// Like [`Overlay::real`], and follows the last name too.
    pub(crate) fn real_target(&mut self, path: &Path) -> io::Result<PathBuf> {
        let real = self.real(path)?;
        match self.files.get(&real) {
            // A link that this patch has removed or replaced is none any more.
            Some(state) if state.after != After::Link => Ok(real),
            _ => resolve::follow(&real),
        }
    }

    /// Returns what is at `real` now: bytes and permission bits. `None` when there is nothing.
    pub(crate) fn current(&mut self, real: &Path, shown: &str) -> io::Result<Option<NewFile>> {
        match &self.load(real, shown)?.after {
            After::File(file) => Ok(Some(file.clone())),
            After::Nothing => Ok(None),
            After::Link => Err(io::Error::new(io::ErrorKind::InvalidInput, "is a link")),
        }
    }

    /// Says what will be at `real`.
    pub(crate) fn set(&mut self, real: &Path, shown: &str, after: After) -> io::Result<()> {
        if let After::File(file) = &after {
            self.hold(file.content.len())?;
        }
        self.load(real, shown)?.after = after;
        Ok(())
    }

    /// Returns whether `real` itself is a link now.
    pub(crate) fn is_link(&mut self, real: &Path, shown: &str) -> io::Result<bool> {
        Ok(self.load(real, shown)?.after == After::Link)
    }

    fn load(&mut self, real: &Path, shown: &str) -> io::Result<&mut FileState> {
        if !self.files.contains_key(real) {
            let before = resolve::read(real)?;
            let after = match &before {
                None => After::Nothing,
                Some(Found::File { content, mode }) => {
                    self.hold(content.len())?;
                    After::File(NewFile { content: content.clone(), mode: Some(*mode) })
                }
                Some(Found::Link(_)) => After::Link,
            };
            let state = FileState { shown: shown.to_owned(), before, after };
            self.files.insert(real.to_owned(), state);
        }
        self.files.get_mut(real).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn hold(&mut self, bytes: usize) -> io::Result<()> {
        self.held += bytes as u64;
        if self.held <= MAX_TOTAL {
            return Ok(());
        }
        let text = format!("the patch touches more than {} MiB", MAX_TOTAL >> 20);
        Err(io::Error::new(io::ErrorKind::FileTooLarge, text))
    }
}
