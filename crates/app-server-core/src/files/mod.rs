//! Files of the machine, for clients that edit remotely (wire specification 18): `fs/*`. A client may do what the user
//! may; the sandbox is for what the model does.
//!
//! - [`read`]: contents, what a path is, what is in a folder
//! - [`write`]: whole files, replaced so that nobody sees half of one
//! - [`tree`]: making, copying and removing folders, following no link on the way
//! - [`watch`]: changes; also for other parts of the server
//!
//! Everything but the answers' order blocks on the disk and runs aside. What is refused is an error of the request; the
//! system's own words come as an internal error (wire specification 18).

pub(crate) mod watch;

mod read;
#[cfg(test)]
mod tests;
mod tree;
mod write;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use app_server_protocol::ServerNotification;
use app_server_protocol::v2::{
    AbsolutePathBuf, FsChangedNotification, FsUnwatchParams, FsUnwatchResponse, FsWatchParams,
    FsWatchResponse,
};
use rustix::io::Errno;
use tokio::sync::Semaphore;

use self::watch::{WatchId, Watcher};
use crate::error::CoreError;
use crate::host::{Host, Reply};
use crate::services::Services;

pub use self::read::{get_metadata, read_directory, read_file};
pub use self::tree::{copy, create_directory, remove};
pub use self::write::write_file;

/// As many watches a client may have.
const MAX_WATCHES: usize = 1024;
/// How a file begins that is to become another one. Changes of these are not told.
const TEMPORARY: &str = ".app-server-write-";

/// What a session keeps of files: its watches.
pub struct Files {
    /// For other parts of the server too.
    pub(crate) watcher: Watcher,
    /// The client's watches by its names.
    watches: Mutex<BTreeMap<String, WatchId>>,
    /// The mebibytes of files that may be in memory on their way to the client.
    reading: Semaphore,
}

impl Files {
    pub(crate) fn new(host: Arc<dyn Host>) -> Self {
        Self {
            watcher: Watcher::new(host),
            watches: Mutex::default(),
            reading: Semaphore::new(read::MAX_READING),
        }
    }

    fn watches(&self) -> MutexGuard<'_, BTreeMap<String, WatchId>> {
        self.watches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers `fs/watch`; `fs/changed` follows the answer. Requests of one watch must come one after the other.
///
/// Refuses a name that is in use; the errors of [`Watcher::watch`] are internal ones.
pub fn watch(services: &Services, params: FsWatchParams, reply: Reply<FsWatchResponse>) {
    let files = &services.files;
    let FsWatchParams { path, watch_id } = params;
    {
        let watches = files.watches();
        if watches.contains_key(&watch_id) {
            return reply.send(Err(CoreError::Invalid(format!("watchId already exists: {watch_id}"))));
        }
        if watches.len() >= MAX_WATCHES {
            return reply.send(Err(CoreError::Invalid(format!("there are already {MAX_WATCHES} watches"))));
        }
    }
    let host = Arc::clone(&services.host);
    let name = watch_id.clone();
    let on_change = move |paths: Vec<PathBuf>| {
        host.notify(ServerNotification::FsChanged(FsChangedNotification {
            changed_paths: paths.iter().map(|path| wire_path(path)).collect(),
            watch_id: name.clone(),
        }));
    };
    match files.watcher.watch(path.as_ref(), Box::new(on_change)) {
        Ok(watch) => {
            files.watches().insert(watch_id, watch.id);
            reply.send(Ok(FsWatchResponse { path: wire_path(&watch.path) }));
            files.watcher.open(watch.id);
        }
        Err(error) => reply.send(Err(error.into())),
    }
}

/// Answers `fs/unwatch`. Nothing is told of the watch afterwards.
///
/// # Errors
/// None; a watch that there is not has ended already.
pub fn unwatch(services: &Services, params: &FsUnwatchParams) -> Result<FsUnwatchResponse, CoreError> {
    let watch = services.files.watches().remove(&params.watch_id);
    if let Some(id) = watch {
        services.files.watcher.unwatch(id);
    }
    Ok(FsUnwatchResponse {})
}

/// Runs what blocks on the disk aside.
///
/// # Errors
/// Those of `work`, and its panic.
pub async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CoreError> + Send + 'static,
) -> Result<T, CoreError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| CoreError::Internal(error.to_string()))?
}

impl From<Errno> for CoreError {
    fn from(error: Errno) -> Self {
        io::Error::from(error).into()
    }
}

/// Bytes of names that are not UTF-8 are replaced: the wire has only text.
fn wire_path(path: &Path) -> AbsolutePathBuf {
    AbsolutePathBuf(path.to_string_lossy().into_owned())
}

fn not_a_file(path: &Path) -> CoreError {
    CoreError::Invalid(format!("path `{}` is not a file", path.display()))
}

/// Returns a name that no file has yet, most likely; whoever makes it must insist on making it.
fn temporary_name() -> OsString {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{TEMPORARY}{:x}-{:x}-{number:x}", std::process::id(), fastrand::u64(..)).into()
}

fn is_temporary(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(TEMPORARY.as_bytes())
}

/// A name in a folder.
#[derive(Debug)]
struct Entry {
    /// Links resolved.
    folder: PathBuf,
    name: OsString,
}

impl Entry {
    /// Finds where a path ends; the last name may be a link, and need not be there. Nothing for the root, which has no
    /// name.
    fn of(path: &Path) -> io::Result<Option<Self>> {
        match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) => {
                Ok(Some(Self { folder: fs::canonicalize(parent)?, name: name.to_owned() }))
            }
            // It ends in dots.
            _ => {
                let real = fs::canonicalize(path)?;
                let parts = real.parent().zip(real.file_name());
                Ok(parts.map(|(folder, name)| Self { folder: folder.to_owned(), name: name.to_owned() }))
            }
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.join(&self.name)
    }
}
