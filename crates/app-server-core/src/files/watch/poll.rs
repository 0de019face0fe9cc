//! Changes where the system does not tell them: the folders are looked at every two seconds, aside, while any is
//! watched.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Interval, MissedTickBehavior};

use super::{Change, WatchId, What};

pub(super) type Key = u64;

const EVERY: Duration = if cfg!(test) { Duration::from_millis(20) } else { Duration::from_secs(2) };

/// What can be seen of a file without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: (i64, i64),
    changed: (i64, i64),
    size: u64,
    inode: u64,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            size: metadata.size(),
            inode: metadata.ino(),
        }
    }
}

/// A folder as it was seen last.
struct Folder {
    path: PathBuf,
    inode: u64,
    mode: u32,
    entries: BTreeMap<OsString, Stamp>,
}

impl Folder {
    fn look(path: &Path) -> io::Result<Self> {
        let metadata = fs::symlink_metadata(path)?;
        let mut entries = BTreeMap::new();
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            // It may have been removed meanwhile.
            if let Ok(metadata) = entry.metadata() {
                entries.insert(entry.file_name(), Stamp::of(&metadata));
            }
        }
        Ok(Self { path: path.to_owned(), inode: metadata.ino(), mode: metadata.mode(), entries })
    }

    /// Takes over how the folder looks now; returns what has changed.
    fn compare(&mut self, now: io::Result<Self>) -> Vec<What> {
        let now = match now {
            Ok(now) if now.inode == self.inode => now,
            _ => return vec![What::Gone],
        };
        let mut changes = Vec::new();
        if now.mode != self.mode {
            changes.push(What::Itself);
        }
        let is_new = |(name, stamp): &(&OsString, &Stamp)| self.entries.get(*name) != Some(*stamp);
        changes.extend(now.entries.iter().filter(is_new).map(|(name, _)| What::Name(name.clone())));
        let is_gone = |name: &&OsString| !now.entries.contains_key(*name);
        changes.extend(self.entries.keys().filter(is_gone).cloned().map(What::Name));
        *self = now;
        changes
    }
}

#[derive(Default)]
struct Folders {
    next: Key,
    seen: BTreeMap<Key, Folder>,
}

type Shared = Arc<Mutex<Folders>>;

fn lock(folders: &Shared) -> MutexGuard<'_, Folders> {
    folders.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Which folders are watched, and for whom.
pub(super) struct System {
    folders: Shared,
    watches: BTreeMap<Key, WatchId>,
}

impl System {
    #[allow(clippy::unnecessary_wraps, reason = "other systems can refuse")]
    pub(super) fn open() -> io::Result<(Self, Source)> {
        let folders = Shared::default();
        let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + EVERY, EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let source = Source { folders: Arc::clone(&folders), ticks, look: None };
        Ok((Self { folders, watches: BTreeMap::new() }, source))
    }

    pub(super) fn adder(&self) -> Adder {
        Adder(Arc::clone(&self.folders))
    }

    pub(super) fn register(&mut self, key: Key, id: WatchId) {
        self.watches.insert(key, id);
    }

    pub(super) fn remove(&mut self, id: WatchId) {
        if let Some(key) = self.watches.iter().find(|(_, other)| **other == id).map(|(key, _)| *key) {
            self.forget(key);
        }
    }

    pub(super) fn watches_of(&self, key: Key) -> Vec<WatchId> {
        self.watches.get(&key).copied().into_iter().collect()
    }

    pub(super) fn forget(&mut self, key: Key) -> Vec<WatchId> {
        lock(&self.folders).seen.remove(&key);
        self.watches.remove(&key).into_iter().collect()
    }
}

/// Adds one more folder.
pub(super) struct Adder(Shared);

impl Adder {
    pub(super) fn add(&self, folder: &Path) -> io::Result<Key> {
        let folder = Folder::look(folder)?;
        let mut folders = lock(&self.0);
        let key = folders.next;
        folders.next += 1;
        folders.seen.insert(key, folder);
        Ok(key)
    }
}

/// What was seen.
pub(super) struct Source {
    folders: Shared,
    ticks: Interval,
    /// The look that is being taken.
    look: Option<JoinHandle<Vec<Change<Key>>>>,
}

impl Source {
    /// Waits for changes; nothing is lost when the waiting is given up.
    #[allow(clippy::unnecessary_wraps, reason = "other systems can fail")]
    pub(super) async fn next(&mut self) -> io::Result<Vec<Change<Key>>> {
        loop {
            if let Some(look) = &mut self.look {
                let changes = look.await.unwrap_or_default();
                self.look = None;
                if !changes.is_empty() {
                    return Ok(changes);
                }
            }
            self.ticks.tick().await;
            let folders = Arc::clone(&self.folders);
            self.look = Some(tokio::task::spawn_blocking(move || look_at_all(&folders)));
        }
    }
}

/// Looks at one folder after the other. The table is not held meanwhile, so that nobody waits for the disk.
fn look_at_all(folders: &Shared) -> Vec<Change<Key>> {
    let keys: Vec<Key> = lock(folders).seen.keys().copied().collect();
    let mut changes = Vec::new();
    for key in keys {
        let path = lock(folders).seen.get(&key).map(|folder| folder.path.clone());
        let Some(path) = path else { continue };
        let now = Folder::look(&path);
        if let Some(folder) = lock(folders).seen.get_mut(&key) {
            changes.extend(folder.compare(now).into_iter().map(|what| Change { key, what }));
        }
    }
    changes
}
