//! The threads of one home: find, name the file of a new one, archive, delete, read a header. Must not know what
//! is loaded, nor hold a thread's lock: callers do.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use jiff::Zoned;
use uuid::Uuid;

use crate::base::Bases;
use crate::catalog::{self, Catalog, Names};
use crate::file_name;
use crate::files::{self, FileVersion};
use crate::head::{Head, Header, HeaderError};
use crate::index::HeadCache;
use crate::list::Walk;
use crate::names::NameIndex;
use crate::reader::ReadError;

/// Where to look for a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Under `sessions/`.
    Live,
    /// Under `archived_sessions/`.
    Archived,
    /// Both, live first.
    Any,
}

/// A thread's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The rollout.
    pub path: PathBuf,
    /// Whether it is archived.
    pub archived: bool,
}

/// Why a rollout cannot be archived, unarchived or deleted.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// The path is not that of a rollout in the place it should be in.
    #[error("not a rollout in {}: {}", root.display(), path.display())]
    NotThere {
        /// The path given.
        path: PathBuf,
        /// The directory it should be in.
        root: PathBuf,
    },
    /// There is a file of that name where this one should go; nothing was moved.
    #[error("{} exists already", .0.display())]
    Exists(PathBuf),
    /// The system refused.
    #[error("cannot move or remove {}: {source}", path.display())]
    Io {
        /// The rollout.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

/// The threads under one `$CODEX_HOME`. Share one per process: it remembers file names and heads.
#[derive(Debug)]
pub struct Store {
    codex_home: PathBuf,
    live: Mutex<Catalog>,
    archived: Mutex<Catalog>,
    pub(crate) heads: HeadCache,
    names: NameIndex,
    pub(crate) last_walk: Mutex<Option<Walk>>,
}

impl Store {
    /// Returns the store of a home; nothing is read yet, and the home need not exist.
    pub fn new(codex_home: &Path) -> Self {
        Self {
            codex_home: codex_home.to_owned(),
            live: Mutex::new(catalog::live(codex_home)),
            archived: Mutex::new(catalog::archived(codex_home)),
            heads: HeadCache::new(codex_home),
            names: NameIndex::new(codex_home),
            last_walk: Mutex::default(),
        }
    }

    /// Returns the home.
    pub fn codex_home(&self) -> &Path {
        &self.codex_home
    }

    /// Returns the threads' names.
    pub fn names(&self) -> &NameIndex {
        &self.names
    }

    /// Finds a thread by the id in its file's name; of several the newest.
    ///
    /// # Errors
    /// The system's; absent directories hold no threads.
    pub fn find(&self, id: Uuid, scope: Scope) -> io::Result<Option<Found>> {
        for archived in [false, true] {
            let is_wanted = match scope {
                Scope::Live => !archived,
                Scope::Archived => archived,
                Scope::Any => true,
            };
            if is_wanted && let Some(path) = self.rollouts(archived)?.find(id) {
                return Ok(Some(Found { path, archived }));
            }
        }
        Ok(None)
    }

    /// Returns where the rollout of a new thread goes: `sessions/YYYY/MM/DD/` and a name with the time of `now`, in
    /// the time zone of `now` (which should be the system's).
    pub fn new_path(&self, id: Uuid, now: &Zoned) -> PathBuf {
        self.codex_home.join("sessions").join(file_name::dated(id, now))
    }

    /// Moves a live thread's rollout to the archive and returns its new place. Its time stays.
    ///
    /// # Errors
    /// [`MoveError`]; nothing was moved then.
    pub fn archive(&self, path: &Path) -> Result<PathBuf, MoveError> {
        let root = self.codex_home.join("sessions");
        let name = rollout_in(path, &root)?;
        let target = self.codex_home.join("archived_sessions").join(name);
        move_pair(path, &target)?;
        Ok(target)
    }

    /// Moves an archived rollout back to the day its name says, makes it the latest updated, and returns its place.
    ///
    /// # Errors
    /// [`MoveError`]; nothing was moved then.
    pub fn unarchive(&self, path: &Path) -> Result<PathBuf, MoveError> {
        let root = self.codex_home.join("archived_sessions");
        let name = rollout_in(path, &root)?;
        let day =
            file_name::day_of(&name).ok_or_else(|| MoveError::NotThere { path: path.to_owned(), root })?;
        let target = self.codex_home.join("sessions").join(day).join(name);
        move_pair(path, &target)?;
        let touched = File::open(&target).and_then(|file| file.set_modified(SystemTime::now()));
        if let Err(error) = touched {
            tracing::debug!(%error, path = %target.display(), "cannot set the time of an unarchived rollout");
        }
        Ok(target)
    }

    /// Removes a rollout, live or archived, in both its forms.
    ///
    /// # Errors
    /// [`MoveError`]; an absent file is none.
    pub fn delete(&self, path: &Path) -> Result<(), MoveError> {
        let sessions = self.codex_home.join("sessions");
        if rollout_in(path, &sessions).is_err() {
            rollout_in(path, &self.codex_home.join("archived_sessions"))?;
        }
        let pair = files::pair(path);
        for path in [pair.plain, pair.compressed] {
            files::if_exists(fs::remove_file(&path)).map_err(|source| MoveError::Io { path, source })?;
        }
        Ok(())
    }

    /// Reads the header of a rollout anew, all fields of its meta included.
    ///
    /// # Errors
    /// [`HeaderError`] when the file has no header to give.
    pub fn header(&self, path: &Path) -> Result<Header, HeaderError> {
        let io_error = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => ReadError::NotFound(path.to_owned()),
            _ => ReadError::Io { path: path.to_owned(), source },
        };
        let head = Bases::new(self).complete(Arc::new(Head::read(path)?));
        let pair = files::pair(path);
        let plain = files::if_exists(FileVersion::read(&pair.plain)).map_err(io_error)?;
        let version = match plain {
            Some(version) => version,
            None => FileVersion::read(&pair.compressed).map_err(io_error)?,
        };
        let name = self.names.get(head.meta.id).unwrap_or_else(|error| {
            tracing::debug!(%error, "cannot read thread names");
            None
        });
        let archived = path.starts_with(self.codex_home.join("archived_sessions"));
        Ok(header(&head, version, path.to_owned(), archived, name))
    }

    pub(crate) fn rollouts(&self, archived: bool) -> io::Result<Arc<Names>> {
        let catalog = if archived { &self.archived } else { &self.live };
        catalog.lock().unwrap_or_else(PoisonError::into_inner).refresh()
    }
}

/// Puts a header together from the part that stays and the part that changes.
pub(crate) fn header(
    head: &Head,
    version: FileVersion,
    path: PathBuf,
    archived: bool,
    name: Option<String>,
) -> Header {
    let named_at = || {
        let name = path.file_name().and_then(|name| name.to_str())?;
        file_name::parse(name).map(|parsed| parsed.seconds)
    };
    Header {
        meta: head.meta.clone(),
        preview: head.preview.clone(),
        has_user_message: head.has_user_message,
        archived,
        created_at: head.created_at.or_else(named_at).unwrap_or_else(|| version.mtime_s()),
        updated_at: version.mtime_s(),
        recency_at: version.mtime_s(),
        size: version.size,
        name,
        path,
    }
}

/// Returns the file's name if `path` is a rollout below `root`, symbolic links followed.
fn rollout_in(path: &Path, root: &Path) -> Result<String, MoveError> {
    let not_there = || MoveError::NotThere { path: path.to_owned(), root: root.to_owned() };
    let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(not_there)?;
    file_name::parse(name).ok_or_else(not_there)?;
    let parent = path.parent().and_then(|parent| parent.canonicalize().ok()).ok_or_else(not_there)?;
    let root = root.canonicalize().map_err(|_| not_there())?;
    if !parent.starts_with(root) {
        return Err(not_there());
    }
    Ok(name.to_owned())
}

/// Moves both forms of a rollout, without replacing anything.
fn move_pair(path: &Path, target: &Path) -> Result<(), MoveError> {
    let io_error = |source| MoveError::Io { path: path.to_owned(), source };
    let (from, to) = (files::pair(path), files::pair(target));
    for target in [&to.plain, &to.compressed] {
        if target.try_exists().map_err(io_error)? {
            return Err(MoveError::Exists(target.clone()));
        }
    }
    if let Some(parent) = target.parent() {
        fs::create_dir_all(parent).map_err(io_error)?;
    }
    let plain = files::if_exists(fs::rename(&from.plain, &to.plain)).map_err(io_error)?;
    let compressed = files::if_exists(fs::rename(&from.compressed, &to.compressed)).map_err(io_error)?;
    if plain.is_none() && compressed.is_none() {
        return Err(io_error(io::ErrorKind::NotFound.into()));
    }
    Ok(())
}
