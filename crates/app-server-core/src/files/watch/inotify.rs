//! Changes as Linux tells them: one descriptor for all folders, which is readable when something has changed.

use std::collections::BTreeMap;
use std::ffi::{CStr, OsStr};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::{Change, WatchId, What};

/// The number of a watched folder. The system does not use one again.
pub(super) type Key = i32;

/// So much is read at once: some hundred changes.
const BUFFER: usize = 16 * 1024;

/// What is told of a folder, besides its removal.
const WANTED: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF);

type Descriptor = Arc<AsyncFd<OwnedFd>>;

/// Which folders are watched, and for whom.
pub(super) struct System {
    descriptor: Descriptor,
    watches: BTreeMap<Key, Vec<WatchId>>,
}

impl System {
    pub(super) fn open() -> io::Result<(Self, Source)> {
        let descriptor = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).map_err(in_words)?;
        let descriptor = Arc::new(registered(descriptor)?);
        let source = Source { descriptor: Arc::clone(&descriptor) };
        Ok((Self { descriptor, watches: BTreeMap::new() }, source))
    }

    pub(super) fn adder(&self) -> Adder {
        Adder(Arc::clone(&self.descriptor))
    }

    pub(super) fn register(&mut self, key: Key, id: WatchId) {
        self.watches.entry(key).or_default().push(id);
    }

    /// Ends a watch, and the asking about its folder if nobody else watches it.
    pub(super) fn remove(&mut self, id: WatchId) {
        let Some((key, ids)) = self.watches.iter_mut().find(|(_, ids)| ids.contains(&id)) else { return };
        let key = *key;
        ids.retain(|other| *other != id);
        if ids.is_empty() {
            self.forget(key);
        }
    }

    pub(super) fn watches_of(&self, key: Key) -> Vec<WatchId> {
        self.watches.get(&key).cloned().unwrap_or_default()
    }

    /// Asks no more about a folder; returns who watched it.
    pub(super) fn forget(&mut self, key: Key) -> Vec<WatchId> {
        let watches = self.watches.remove(&key).unwrap_or_default();
        // Of a folder that was removed the system has forgotten already.
        let _ = inotify::remove_watch(&*self.descriptor, key);
        watches
    }
}

#[allow(unsafe_code, reason = "registering a descriptor is what tokio calls unsafe")]
fn registered(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: the descriptor is owned by what is registered, and nothing takes it out or closes it before that is dropped.
    Ok(unsafe { AsyncFd::register_with_interest(descriptor, Interest::READABLE) }?)
}

/// Asks the system about one more folder, which may take as long as any look at the disk.
pub(super) struct Adder(Descriptor);

impl Adder {
    pub(super) fn add(&self, folder: &Path) -> io::Result<Key> {
        // Files that are deleted while a program still writes them have no path any more.
        let flags = WANTED | WatchFlags::ONLYDIR | WatchFlags::EXCL_UNLINK;
        inotify::add_watch(&*self.0, folder, flags).map_err(in_words)
    }
}

/// What the system says.
pub(super) struct Source {
    descriptor: Descriptor,
}

impl Source {
    /// Waits for changes; nothing is lost when the waiting is given up.
    pub(super) async fn next(&mut self) -> io::Result<Vec<Change<Key>>> {
        loop {
            let mut ready = self.descriptor.readable().await?;
            match ready.try_io(|descriptor| read(descriptor.get_ref())) {
                Ok(changes) => return changes,
                Err(_would_block) => {}
            }
        }
    }
}

/// Reads once.
fn read(descriptor: &OwnedFd) -> io::Result<Vec<Change<Key>>> {
    let mut buffer = [MaybeUninit::uninit(); BUFFER];
    let mut reader = inotify::Reader::new(descriptor, &mut buffer);
    let mut changes = Vec::new();
    loop {
        match reader.next() {
            Ok(event) => changes.push(change(event.wd(), event.events(), event.file_name())),
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        }
        if reader.is_buffer_empty() {
            return Ok(changes);
        }
    }
}

fn change(key: Key, events: ReadFlags, name: Option<&CStr>) -> Change<Key> {
    let gone = ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF | ReadFlags::IGNORED | ReadFlags::UNMOUNT;
    let what = match name {
        _ if events.contains(ReadFlags::QUEUE_OVERFLOW) => What::Lost,
        _ if events.intersects(gone) => What::Gone,
        Some(name) => What::Name(OsStr::from_bytes(name.to_bytes()).to_owned()),
        None => What::Itself,
    };
    Change { key, what }
}

/// The system's own words for a full table are about disks and open files.
fn in_words(error: Errno) -> io::Error {
    match error {
        Errno::NOSPC | Errno::MFILE => {
            io::Error::other("the system watches no more folders (see fs.inotify.max_user_watches)")
        }
        error => error.into(),
    }
}
