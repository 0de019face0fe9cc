//! The lock between processes that change the stored credential of a home.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::{Duration, Instant};

use super::StorageError;

/// How often a lock that somebody else has is tried again. A refresh takes a request's time, so that this adds little.
const PAUSE: Duration = Duration::from_millis(20);

/// The lock, held until it is dropped. The system releases it when the process dies.
#[derive(Debug)]
pub(crate) struct StorageLock {
    _file: File,
}

impl StorageLock {
    /// Takes the lock of a home, whose file is `app-server/auth.lock`. The file stays: removing it would let two
    /// processes lock two files of the same name.
    pub(super) fn acquire(codex_home: &Path, limit: Duration) -> Result<Self, StorageError> {
        let folder = codex_home.join("app-server");
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(StorageError::io("create", &folder))?;
        let path = folder.join("auth.lock");
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(StorageError::io("open", &path))?;
        let begun = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(StorageLock { _file: file }),
                Err(TryLockError::Error(error)) if error.kind() != io::ErrorKind::Interrupted => {
                    return Err(StorageError::io("lock", &path)(error));
                }
                Err(_) if begun.elapsed() >= limit => return Err(StorageError::Locked),
                Err(_) => std::thread::sleep(PAUSE.min(limit.saturating_sub(begun.elapsed()))),
            }
        }
    }
}

#[cfg(test)]
mod tests;
