//! The lock between processes that change the stored credential of a home.

use std::path::Path;
use std::time::Duration;

use super::StorageError;
use crate::home_lock::{HomeLock, HomeLockError};

/// The lock, held until it is dropped. The system releases it when the process dies.
#[derive(Debug)]
pub(crate) struct StorageLock {
    _lock: HomeLock,
}

impl StorageLock {
    /// Takes the lock of a home, whose file is `app-server/auth.lock`.
    pub(super) fn acquire(codex_home: &Path, limit: Duration) -> Result<Self, StorageError> {
        match HomeLock::acquire(codex_home, "auth.lock", limit) {
            Ok(lock) => Ok(StorageLock { _lock: lock }),
            Err(HomeLockError::Held) => Err(StorageError::Locked),
            Err(HomeLockError::Io { what, path, source }) => Err(StorageError::Io { what, path, source }),
        }
    }
}

#[cfg(test)]
mod tests;
