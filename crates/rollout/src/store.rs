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
use crate::kept::Outlines;
use crate::list::Walk;
use crate::metadata::{GitChange, MetadataIndex, with_change};
use crate::names::NameIndex;
use crate::reader::ReadError;
use crate::sections::{Placement, SectionIndex};
use crate::tail::Tail;

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
    pub(crate) metadata: MetadataIndex,
    pub(crate) sections: SectionIndex,
    pub(crate) last_walk: Mutex<Option<Walk>>,
    pub(crate) outlines: Outlines,
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
            metadata: MetadataIndex::new(codex_home),
            sections: SectionIndex::new(codex_home),
            last_walk: Mutex::default(),
            outlines: Outlines::new(codex_home),
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

    /// Returns what clients recorded about threads.
    pub fn metadata(&self) -> &MetadataIndex {
        &self.metadata
    }

    /// Returns the sections of the list.
    pub fn sections(&self) -> &SectionIndex {
        &self.sections
    }

    /// Finds a thread by the id in its file's name; of several files the newest, which is the one to append to: 0.169
    /// goes on in another file after a revert.
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

    /// Moves a live thread to the archive, with all its files (`path` is one of them), and returns the new place of
    /// `path`. Times stay.
    ///
    /// # Errors
    /// [`MoveError`]; nothing was moved then.
    pub fn archive(&self, path: &Path) -> Result<PathBuf, MoveError> {
        let mut files = self.files_of(path, false)?;
        // The newest last, and back first: cut off in between, it is still the one found, and what it continues is
        // read from either place. Found without it, the thread would be as before its revert.
        files.reverse();
        move_all(&files, |file| self.place(file, true))?;
        Ok(self.place(path, true))
    }

    /// Moves an archived thread, with all its files (`path` is one of them), back to the days their names say, makes
    /// it the latest updated, and returns the new place of `path`.
    ///
    /// # Errors
    /// [`MoveError`]; nothing was moved then.
    pub fn unarchive(&self, path: &Path) -> Result<PathBuf, MoveError> {
        let files = self.files_of(path, true)?;
        move_all(&files, |file| self.place(file, false))?;
        for target in files.iter().map(|file| self.place(file, false)) {
            let touched = File::open(&target).and_then(|file| file.set_modified(SystemTime::now()));
            if let Err(error) = touched {
                tracing::debug!(%error, path = %target.display(), "cannot set the time of an unarchived rollout");
            }
        }
        Ok(self.place(path, false))
    }

    /// Removes a thread, live or archived, with all its files (`path` is one of them) in both their forms.
    ///
    /// # Errors
    /// [`MoveError`]; an absent file is none. What was removed before is gone; the newest file goes last, so that the
    /// thread does not come back as it was before a revert.
    pub fn delete(&self, path: &Path) -> Result<(), MoveError> {
        let files = match self.files_of(path, false) {
            Err(MoveError::NotThere { .. }) => self.files_of(path, true)?,
            files => files?,
        };
        for file in files.iter().rev() {
            self.outlines.forget(file);
            let pair = files::pair(file);
            for path in [pair.plain, pair.compressed] {
                files::if_exists(fs::remove_file(&path)).map_err(|source| MoveError::Io { path, source })?;
            }
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
        let changes = self.metadata.all_or_none();
        let tail = self.heads.tail(path, version);
        let placement = self.sections.of(head.meta.id);
        let beside = Beside { name, git: changes.get(&head.meta.id), placement, tail };
        Ok(header(&head, version, path.to_owned(), archived, beside))
    }

    fn root(&self, archived: bool) -> PathBuf {
        self.codex_home.join(if archived { "archived_sessions" } else { "sessions" })
    }

    /// Returns where a rollout of this name belongs.
    fn place(&self, path: &Path, archived: bool) -> PathBuf {
        let name = path.file_name().unwrap_or_default();
        let day = name.to_str().filter(|_| !archived).and_then(file_name::day_of).unwrap_or_default();
        self.root(archived).join(day).join(name)
    }

    /// Returns the files of the thread that the rollout `path` belongs to, newest first: `path` itself and the other
    /// segments. Another file of its own segment is not the thread's, just one with the same id.
    fn files_of(&self, path: &Path, archived: bool) -> Result<Vec<PathBuf>, MoveError> {
        let parsed = rollout_in(path, &self.root(archived))?;
        let io_error = |source| MoveError::Io { path: path.to_owned(), source };
        let mut segments = self.rollouts(archived).map_err(io_error)?.segments(parsed.id);
        match segments.iter_mut().find(|(segment, _)| *segment == parsed.segment) {
            Some((_, file)) => path.clone_into(file),
            None => segments.push((parsed.segment, path.to_owned())),
        }
        Ok(segments.into_iter().map(|(_, file)| file).collect())
    }

    pub(crate) fn rollouts(&self, archived: bool) -> io::Result<Arc<Names>> {
        let catalog = if archived { &self.archived } else { &self.live };
        catalog.lock().unwrap_or_else(PoisonError::into_inner).refresh()
    }
}

/// What a head does not tell: what is kept beside a rollout, and its end.
pub(crate) struct Beside<'a> {
    pub(crate) name: Option<String>,
    pub(crate) git: Option<&'a GitChange>,
    pub(crate) placement: Option<Placement>,
    pub(crate) tail: Tail,
}

/// Puts a header together from the part that stays and the part that changes.
pub(crate) fn header(
    head: &Head,
    version: FileVersion,
    path: PathBuf,
    archived: bool,
    beside: Beside<'_>,
) -> Header {
    let named_at = || {
        let name = path.file_name().and_then(|name| name.to_str())?;
        file_name::parse(name).map(|parsed| parsed.seconds)
    };
    let mut meta = head.meta.clone();
    meta.git = with_change(meta.git, beside.git);
    Header {
        meta,
        preview: head.preview.clone(),
        has_user_message: head.has_user_message,
        archived,
        created_at: head.created_at.or_else(named_at).unwrap_or_else(|| version.mtime_s()),
        updated_at: version.mtime_s(),
        recency_at: version.mtime_s(),
        size: version.size,
        name: beside.name,
        model: beside.tail.model,
        effort: beside.tail.effort,
        placement: beside.placement,
        path,
    }
}

/// Returns what the file's name says if `path` is a rollout below `root`, symbolic links followed.
fn rollout_in(path: &Path, root: &Path) -> Result<file_name::Parsed, MoveError> {
    let not_there = || MoveError::NotThere { path: path.to_owned(), root: root.to_owned() };
    let name = path.file_name().and_then(|name| name.to_str());
    let parsed = name.and_then(file_name::parse).ok_or_else(not_there)?;
    let parent = path.parent().and_then(|parent| parent.canonicalize().ok()).ok_or_else(not_there)?;
    let root = root.canonicalize().map_err(|_| not_there())?;
    if !parent.starts_with(root) {
        return Err(not_there());
    }
    Ok(parsed)
}

/// Moves rollouts in both their forms, in this order, without replacing anything; all of them or none.
fn move_all(files: &[PathBuf], place: impl Fn(&Path) -> PathBuf) -> Result<(), MoveError> {
    let io_error = |path: &Path, source| MoveError::Io { path: path.to_owned(), source };
    let mut steps = Vec::new();
    for path in files {
        let (from, to) = (files::pair(path), files::pair(&place(path)));
        for (from, to) in [(from.plain, to.plain), (from.compressed, to.compressed)] {
            if to.try_exists().map_err(|error| io_error(path, error))? {
                return Err(MoveError::Exists(to));
            }
            steps.push((from, to));
        }
    }
    let mut moved: Vec<&(PathBuf, PathBuf)> = Vec::new();
    for step in &steps {
        match rename(&step.0, &step.1) {
            Ok(Some(())) => moved.push(step),
            Ok(None) => {}
            Err(error) => {
                for (from, to) in moved.into_iter().rev() {
                    if let Err(error) = fs::rename(to, from) {
                        tracing::warn!(%error, path = %to.display(), "cannot move a rollout back");
                    }
                }
                return Err(io_error(&step.0, error));
            }
        }
    }
    match files.first() {
        Some(path) if moved.is_empty() => Err(io_error(path, io::ErrorKind::NotFound.into())),
        _ => Ok(()),
    }
}

/// Returns `None` for an absent file.
fn rename(from: &Path, to: &Path) -> io::Result<Option<()>> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    files::if_exists(fs::rename(from, to))
}
