//! Locks between the processes that use a home.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often a lock that somebody else has is tried again. What is done under one takes longer, so this adds little.
const PAUSE: Duration = Duration::from_millis(20);

/// Why a lock is not to be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HomeLockError {
    /// Another process kept it for all the time we waited.
    #[error("another process holds the lock")]
    Held,
    /// The lock's file cannot be used.
    #[error("cannot {what} {}: {source}", path.display())]
    Io { what: &'static str, path: PathBuf, source: io::Error },
}

/// A lock, held until it is dropped. The system releases it when the process dies.
#[derive(Debug)]
pub(crate) struct HomeLock {
    _file: File,
}

impl HomeLock {
    /// Takes the lock whose file is `app-server/<name>`. The file stays: removing it would let two processes lock two
    /// files of the same name. Blocks, at most for `limit`.
    pub(crate) fn acquire(codex_home: &Path, name: &str, limit: Duration) -> Result<Self, HomeLockError> {
        let folder = codex_home.join("app-server");
        let failed = |what, path: &Path| {
            let path = path.to_owned();
            move |source| HomeLockError::Io { what, path, source }
        };
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed("create", &folder))?;
        let path = folder.join(name);
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed("open", &path))?;
        let begun = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(HomeLock { _file: file }),
                Err(TryLockError::Error(error)) if error.kind() != io::ErrorKind::Interrupted => {
                    return Err(failed("lock", &path)(error));
                }
                Err(_) if begun.elapsed() >= limit => return Err(HomeLockError::Held),
                Err(_) => std::thread::sleep(PAUSE.min(limit.saturating_sub(begun.elapsed()))),
            }
        }
    }

    /// The locked file, to be handed to another process.
    #[cfg(test)]
    pub(crate) fn into_file(self) -> File {
        self._file
    }
}
