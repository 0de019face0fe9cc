//! Reading folders.
//!
//! Hidden files count, what `.git` is does not. `.gitignore` holds within git repositories, `.ignore` everywhere, those
//! above the root included. Links are followed as long as they stay within the root and do not lead back to where they are.

use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{SystemTime, UNIX_EPOCH};

use ignore::{DirEntry, WalkBuilder, WalkState};

use crate::{Kind, Stop};

/// How many threads read folders.
pub(crate) const THREADS: usize = 2;
/// Names that are handed over at once.
const BATCH: usize = 512;
/// Batches that wait to be taken.
const QUEUE: usize = 8;
/// Where rules stand in a folder; the last is asked for because rules of git hold where it is.
const RULES: [&str; 4] = [".gitignore", ".ignore", ".git/info/exclude", ".git"];

/// Nanoseconds since 1970, as the file system tells them.
pub(crate) type Nanos = i128;

/// What is there of a file besides its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) modified: Nanos,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        let modified = Nanos::from(metadata.mtime()) * 1_000_000_000 + Nanos::from(metadata.mtime_nsec());
        Self { device: metadata.dev(), inode: metadata.ino(), modified }
    }

    pub(crate) fn at(path: &Path) -> io::Result<Self> {
        fs::metadata(path).map(|metadata| Self::of(&metadata))
    }

    pub(crate) fn is_same_file(self, other: Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }
}

/// The files with rules in one folder, as they were when the folder was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rules([Option<Stamp>; RULES.len()]);

impl Rules {
    /// Nothing where there are none, which is nearly everywhere.
    pub(crate) fn of(folder: &Path) -> Option<Box<Self>> {
        let mut found = RULES.map(|name| Stamp::at(&folder.join(name)).ok());
        if let Some(git) = &mut found[RULES.len() - 1] {
            // Git itself changes what is in there all the time.
            git.modified = 0;
        }
        found.iter().any(Option::is_some).then(|| Box::new(Self(found)))
    }
}

/// What a folder was when it was read.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) stamp: Stamp,
    pub(crate) rules: Option<Box<Rules>>,
}

impl State {
    fn of(folder: &Path) -> Option<Self> {
        let stamp = Stamp::at(folder).ok()?;
        Some(Self { stamp, rules: Rules::of(folder) })
    }
}

/// One name that counts.
#[derive(Debug)]
pub(crate) struct Found {
    /// Relative to the root; empty for the root itself.
    pub(crate) path: OsString,
    pub(crate) is_link: bool,
    /// There for a folder.
    pub(crate) folder: Option<State>,
}

impl Found {
    pub(crate) fn kind(&self) -> Kind {
        if self.folder.is_some() { Kind::Directory } else { Kind::File }
    }
}

/// The time, to be compared with those of files.
pub(crate) fn now() -> Nanos {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| Nanos::try_from(since.as_nanos()).unwrap_or(Nanos::MAX))
}

/// Reads everything below `at`, which lies in `root`, on threads of its own. `take` gets the names, `at` itself
/// included, in any order.
pub(crate) fn everything(root: &Path, at: &Path, stop: &Stop, mut take: impl FnMut(Vec<Found>)) {
    let (sender, receiver): (SyncSender<Vec<Found>>, Receiver<_>) = sync_channel(QUEUE);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            builder(root, at).threads(THREADS).build_parallel().run(|| {
                let mut batch = Batch { found: Vec::with_capacity(BATCH), sender: sender.clone() };
                Box::new(move |entry| {
                    if stop.is_stopped() {
                        return WalkState::Quit;
                    }
                    batch.add(found(root, entry))
                })
            });
        });
        for batch in receiver {
            take(batch);
        }
    });
}

/// Reads what is directly in a folder; the folder itself is not among it.
pub(crate) fn folder(root: &Path, at: &Path) -> Vec<Found> {
    let entries = builder(root, at).max_depth(Some(1)).build();
    entries
        .filter(|entry| !matches!(entry, Ok(entry) if entry.depth() == 0))
        .filter_map(|entry| found(root, entry))
        .collect()
}

fn builder(root: &Path, at: &Path) -> WalkBuilder {
    let mut builder = WalkBuilder::new(at);
    let root = root.to_owned();
    builder
        .hidden(false)
        // Rules of the user for all repositories would have to be looked for by the environment.
        .git_global(false)
        .follow_links(true)
        .filter_entry(move |entry| counts(&root, entry));
    builder
}

fn counts(root: &Path, entry: &DirEntry) -> bool {
    if entry.depth() == 0 {
        return true;
    }
    if entry.file_name() == OsStr::new(".git") {
        return false;
    }
    !(entry.path_is_symlink() && is_folder(entry)) || may_be_followed(root, entry.path())
}

/// Says whether a link stays within the root and does not lead to a folder that it is in: a walk that begins below that
/// folder would not see the circle.
fn may_be_followed(root: &Path, link: &Path) -> bool {
    let Ok(real) = fs::canonicalize(link) else {
        return false;
    };
    let mut above = link.ancestors().skip(1).take_while(|folder| folder.starts_with(root));
    real.starts_with(root) && !above.any(|folder| fs::canonicalize(folder).is_ok_and(|folder| folder == real))
}

fn is_folder(entry: &DirEntry) -> bool {
    entry.file_type().is_some_and(|kind| kind.is_dir())
}

/// What cannot be read, and links in a circle, are not found.
fn found(root: &Path, entry: Result<DirEntry, ignore::Error>) -> Option<Found> {
    let entry = entry.ok()?;
    let path = entry.path().strip_prefix(root).ok()?.as_os_str().to_owned();
    let folder = if is_folder(&entry) { Some(State::of(entry.path())?) } else { None };
    // A root that is a file has nothing below it.
    let counts = folder.is_some() || !path.is_empty();
    counts.then(|| Found { path, is_link: entry.path_is_symlink(), folder })
}

/// Hands names over many at a time, the rest when the walk is over.
struct Batch {
    found: Vec<Found>,
    sender: SyncSender<Vec<Found>>,
}

impl Batch {
    fn add(&mut self, found: Option<Found>) -> WalkState {
        self.found.extend(found);
        if self.found.len() < BATCH {
            return WalkState::Continue;
        }
        let full = std::mem::replace(&mut self.found, Vec::with_capacity(BATCH));
        // Nobody takes them any more: whoever did has failed.
        if self.sender.send(full).is_err() { WalkState::Quit } else { WalkState::Continue }
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        // See above.
        let _ = self.sender.send(std::mem::take(&mut self.found));
    }
}
