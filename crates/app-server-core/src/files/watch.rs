//! Tells of changes of files and of what is directly in folders. It knows nothing of the wire.
//!
//! The system is asked about folders only: a file is watched through the folder it is in, because editors replace files
//! instead of writing them. One task gathers what the system says, from the first watch until the last one has ended;
//! without a watch there is neither a task nor a descriptor.
//!
//! What is told is delayed until a path has been quiet for a moment, and never longer than [`AT_LATEST`]. While the
//! client does not read, nothing is told and nothing is gathered: the system's queue is bounded, and when it was full
//! every watch tells of its own path.

#[cfg(target_os = "linux")]
mod inotify;
mod pending;
#[cfg(any(not(target_os = "linux"), test))]
mod poll;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::pending::Pending;
use super::is_temporary;
use crate::host::Host;

#[cfg(target_os = "linux")]
use self::inotify as system;
#[cfg(not(target_os = "linux"))]
use self::poll as system;

/// How long nothing must have changed before the changes are told.
const QUIET: Duration = Duration::from_millis(100);
/// How long a change is kept back at most.
const AT_LATEST: Duration = Duration::from_secs(1);

/// Called by the watcher's task with the changed paths in their order. It must not block and must not call the watcher.
pub(crate) type OnChange = Box<dyn Fn(Vec<PathBuf>) + Send>;

/// One of the watches of a [`Watcher`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct WatchId(u64);

/// A watch that was just made.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) id: WatchId,
    /// What is watched, links resolved; what is told lies below it.
    pub(crate) path: PathBuf,
}

/// What the system says of one folder.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Change<Key> {
    key: Key,
    what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    /// Something of this name in the folder.
    Name(OsString),
    /// The folder itself: its mode, its owner.
    Itself,
    /// The folder is no longer there; nothing more is said of it.
    Gone,
    /// Changes were lost, of whatever folder.
    Lost,
}

/// Watches paths for this process.
pub(crate) struct Watcher {
    shared: Arc<Shared>,
}

struct Shared {
    host: Arc<dyn Host>,
    /// Held while a folder is looked up, which may take long, so that nobody ends what another one begins.
    changing: Mutex<()>,
    state: Mutex<State>,
    /// A watch may have something to tell that it had not before.
    opened: Notify,
}

#[derive(Default)]
struct State {
    next: u64,
    targets: BTreeMap<WatchId, Target>,
    armed: Option<Armed>,
}

/// There while something is watched.
struct Armed {
    system: system::System,
    /// Ends the task.
    end: CancellationToken,
}

struct Target {
    path: PathBuf,
    /// The name of a file in the folder that is asked about; without one the path is that folder.
    name: Option<OsString>,
    on_change: OnChange,
    is_open: bool,
    pending: Pending,
}

/// Where the system is to look for changes of a path.
struct Place {
    path: PathBuf,
    folder: PathBuf,
    name: Option<OsString>,
}

impl Watcher {
    pub(crate) fn new(host: Arc<dyn Host>) -> Self {
        let shared =
            Shared { host, changing: Mutex::default(), state: Mutex::default(), opened: Notify::new() };
        Self { shared: Arc::new(shared) }
    }

    /// Watches a file, or what is directly in a folder. A file need not be there yet, its folder must. Nothing is told
    /// before [`Watcher::open`]. Blocks on the disk; needs a runtime.
    ///
    /// # Errors
    /// The folder cannot be found or read, or the system watches no more of them.
    pub(crate) fn watch(&self, path: &Path, on_change: OnChange) -> io::Result<Watch> {
        let place = Place::of(path)?;
        let _changing = self.shared.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let added = self.arm().and_then(|adder| adder.add(&place.folder));
        let mut state = self.shared.lock();
        let key = match added {
            Ok(key) => key,
            Err(error) => {
                state.disarm_if_unused();
                return Err(error);
            }
        };
        let id = WatchId(state.next);
        state.next += 1;
        if let Some(armed) = &mut state.armed {
            armed.system.register(key, id);
        }
        let Place { path, name, .. } = place;
        let pending = Pending::default();
        state.targets.insert(id, Target { path: path.clone(), name, on_change, is_open: false, pending });
        Ok(Watch { id, path })
    }

    /// Lets a watch tell what it has gathered since it was made, and from then on.
    pub(crate) fn open(&self, id: WatchId) {
        if let Some(target) = self.shared.lock().targets.get_mut(&id) {
            target.is_open = true;
        }
        self.shared.opened.notify_one();
    }

    /// Ends a watch. When this returns nothing more is told of it.
    pub(crate) fn unwatch(&self, id: WatchId) {
        let _changing = self.shared.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = self.shared.lock();
        state.targets.remove(&id);
        if let Some(armed) = &mut state.armed {
            armed.system.remove(id);
        }
        state.disarm_if_unused();
    }

    /// Begins to listen to the system unless that was done.
    fn arm(&self) -> io::Result<system::Adder> {
        let mut state = self.shared.lock();
        if let Some(armed) = &state.armed {
            return Ok(armed.system.adder());
        }
        let (system, source) = system::System::open()?;
        let adder = system.adder();
        let end = CancellationToken::new();
        tokio::spawn(run(Arc::clone(&self.shared), source, end.clone()));
        state.armed = Some(Armed { system, end });
        Ok(adder)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.targets.clear();
        state.disarm_if_unused();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn disarm_if_unused(&mut self) {
        if self.targets.is_empty()
            && let Some(armed) = self.armed.take()
        {
            armed.end.cancel();
        }
    }

    /// Notes what the system said.
    fn gather(&mut self, changes: Vec<Change<system::Key>>, now: Instant) {
        for Change { key, what } in changes {
            let Some(armed) = &mut self.armed else { return };
            let ids = match &what {
                What::Lost => self.targets.keys().copied().collect(),
                What::Gone => armed.system.forget(key),
                What::Name(name) if is_temporary(name) => continue,
                What::Name(_) | What::Itself => armed.system.watches_of(key),
            };
            for id in ids {
                if let Some(target) = self.targets.get_mut(&id) {
                    target.gather(&what, now);
                }
            }
        }
    }

    /// When there will be something to tell.
    fn due(&self) -> Option<Instant> {
        self.targets.values().filter(|target| target.is_open).filter_map(|target| target.pending.due()).min()
    }

    /// Tells what is due. The lock is held meanwhile, so that nothing is told of a watch that has ended.
    fn tell(&mut self, now: Instant) {
        for target in self.targets.values_mut() {
            if target.is_open && target.pending.due().is_some_and(|due| due <= now) {
                (target.on_change)(target.pending.take());
            }
        }
    }
}

impl Target {
    fn gather(&mut self, what: &What, now: Instant) {
        let changed = match (what, &self.name) {
            (What::Name(changed), Some(name)) if changed != name => return,
            (What::Itself, Some(_)) => return,
            (What::Name(changed), None) => self.path.join(changed),
            (What::Name(_) | What::Itself | What::Gone | What::Lost, _) => self.path.clone(),
        };
        self.pending.add(changed, &self.path, now);
    }
}

impl Place {
    fn of(path: &Path) -> io::Result<Self> {
        match fs::canonicalize(path) {
            Ok(real) if real.is_dir() => Ok(Self { folder: real.clone(), path: real, name: None }),
            Ok(real) => Self::of_file(real.parent(), real.file_name()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let folder = path.parent().map(fs::canonicalize).transpose()?;
                Self::of_file(folder.as_deref(), path.file_name())
            }
            Err(error) => Err(error),
        }
    }

    fn of_file(folder: Option<&Path>, name: Option<&OsStr>) -> io::Result<Self> {
        let (Some(folder), Some(name)) = (folder, name) else { return Err(io::ErrorKind::NotFound.into()) };
        Ok(Self { path: folder.join(name), folder: folder.to_owned(), name: Some(name.to_owned()) })
    }
}

/// Gathers changes and tells them until the last watch has ended.
async fn run(shared: Arc<Shared>, mut source: system::Source, end: CancellationToken) {
    loop {
        let due = shared.lock().due();
        tokio::select! {
            () = end.cancelled() => return,
            () = shared.opened.notified() => {}
            changes = source.next() => match changes {
                Ok(changes) => shared.lock().gather(changes, Instant::now()),
                Err(error) => {
                    tracing::warn!(%error, "changes of files are no longer told");
                    return;
                }
            },
            () = reached(due) => {
                tokio::select! {
                    () = end.cancelled() => return,
                    () = shared.host.drained() => {}
                }
                shared.lock().tell(Instant::now());
            }
        }
    }
}

async fn reached(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
