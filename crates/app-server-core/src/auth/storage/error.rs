//! Why a credential cannot be read, stored or removed.

use std::io;
use std::path::{Path, PathBuf};

use crate::auth::record::InvalidRecord;

/// None of these quotes what is stored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StorageError {
    /// What is stored is no record. It is left as it is.
    #[error("the stored credential is damaged: {0}")]
    Damaged(#[from] InvalidRecord),
    /// A file or folder failed.
    #[error("cannot {what} {}: {source}", path.display())]
    Io { what: &'static str, path: PathBuf, source: io::Error },
    /// There is no keyring: it is not built in, or none runs.
    #[error("no keyring: {reason}")]
    NoKeyring { reason: String },
    /// There is a keyring, and it refuses, fails or does not answer.
    #[error("the keyring failed: {reason}")]
    Keyring { reason: String },
    /// Another process kept the lock for all the time we waited.
    #[error("another process is changing the stored credential")]
    Locked,
    /// The store broke down, or what it was given holds no credential.
    #[error("the credential could not be stored: an error in the server, or it is empty")]
    Lost,
}

impl StorageError {
    /// Says what failed, as the last step of a call on a file.
    pub(super) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| StorageError::Io { what, path, source }
    }
}
