//! Where credentials are kept: `auth.json`, the keyring of the system, or memory, as `cli_auth_credentials_store` says
//! (auth specification 4).
//!
//! Everything here blocks; whoever is on a runtime calls it from a thread for that. It must not know what a credential
//! is used for, nor when it is refreshed.

mod error;
mod file;
mod keyring;
mod lock;
mod memory;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use app_server_config::CredentialsStore;

pub(crate) use self::error::StorageError;
use self::file::{File, FileStamp};
use self::keyring::Keyring;
pub(crate) use self::keyring::{load_entry, save_entry};
pub(crate) use self::lock::StorageLock;
pub(crate) use self::memory::Memory;
use super::record::AuthRecord;

/// One place for one credential.
pub(crate) trait CredentialBackend: Send + Sync {
    /// Returns what is stored; `None` when nothing is.
    fn load(&self) -> Result<Option<AuthRecord>, StorageError>;

    /// Stores a record in the place of whatever was there.
    fn save(&self, record: &AuthRecord) -> Result<(), StorageError>;

    /// Removes what is stored. Returns whether there was anything; nothing to remove is no error.
    fn delete(&self) -> Result<bool, StorageError>;
}

/// The places of one home, put together as the mode says. Made for an operation and thrown away.
pub(crate) struct AuthStorage {
    codex_home: PathBuf,
    mode: CredentialsStore,
    memory: Arc<Memory>,
    file: File,
    keyring: Box<dyn CredentialBackend>,
}

/// What a stored credential looks like from outside. While it is the same, no other process has changed `auth.json`;
/// of the keyring it says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamp {
    file: Option<FileStamp>,
    memory: u64,
}

impl AuthStorage {
    /// Nothing is read yet. `memory` is the process's own: it lives as long as what is signed in for this process only.
    pub(crate) fn new(codex_home: &Path, mode: CredentialsStore, memory: &Arc<Memory>) -> Self {
        Self::with_keyring(codex_home, mode, memory, Box::new(Keyring::new(codex_home)))
    }

    fn with_keyring(
        codex_home: &Path,
        mode: CredentialsStore,
        memory: &Arc<Memory>,
        keyring: Box<dyn CredentialBackend>,
    ) -> Self {
        AuthStorage {
            codex_home: codex_home.to_owned(),
            mode,
            memory: Arc::clone(memory),
            file: File::new(codex_home),
            keyring,
        }
    }

    /// Returns the stored credential. Memory comes before any other place (auth specification 1).
    ///
    /// A damaged one is [`StorageError::Damaged`] and stays as it is. In the mode `auto` a keyring that fails counts as
    /// empty.
    pub(crate) fn load(&self) -> Result<Option<AuthRecord>, StorageError> {
        if let Some(record) = self.memory.load()? {
            return Ok(Some(record));
        }
        match self.mode {
            CredentialsStore::File => self.file.load(),
            CredentialsStore::Keyring => self.keyring.load(),
            CredentialsStore::Auto => match self.keyring.load() {
                Ok(Some(record)) => Ok(Some(self.file_if_later(record))),
                Ok(None) => self.file.load(),
                Err(error) => {
                    tracing::debug!(%error, "no credential from the keyring, auth.json is read");
                    self.file.load()
                }
            },
            CredentialsStore::Ephemeral => Ok(None),
        }
    }

    /// Of what the keyring holds and what `auth.json` does, returns what was refreshed later: the keyring may have been
    /// locked when the other was written.
    fn file_if_later(&self, in_keyring: AuthRecord) -> AuthRecord {
        match self.file.load() {
            Ok(Some(in_file)) if in_file.last_refresh() > in_keyring.last_refresh() => in_file,
            _ => in_keyring,
        }
    }

    /// Stores a record as the only one. With the keyring in use `auth.json` is removed, unless the keyring failed and
    /// the mode is `auto`: then the record is in `auth.json`.
    pub(crate) fn save(&self, record: &AuthRecord) -> Result<(), StorageError> {
        match self.mode {
            CredentialsStore::File => self.file.save(record)?,
            CredentialsStore::Keyring => {
                self.keyring.save(record)?;
                self.remove_file();
            }
            CredentialsStore::Auto => match self.keyring.save(record) {
                Ok(()) => self.remove_file(),
                Err(error) => {
                    tracing::debug!(%error, "not saved in the keyring, auth.json is written");
                    self.file.save(record)?;
                }
            },
            CredentialsStore::Ephemeral => return self.memory.save(record),
        }
        // One that is left there from another mode would hide the new one.
        self.memory.delete().map(drop)
    }

    /// The record is safe elsewhere, so that a failure does not count.
    fn remove_file(&self) {
        if let Err(error) = self.file.delete() {
            tracing::warn!(%error, "auth.json stays beside the keyring");
        }
    }

    /// Removes the credential from memory and from every place of the mode. Returns whether there was one.
    ///
    /// A keyring that does not answer is no error when `auth.json` was there and is removed, nor is a system without
    /// one: logging out must work there.
    pub(crate) fn delete(&self) -> Result<bool, StorageError> {
        let in_memory = self.memory.delete()?;
        match self.mode {
            CredentialsStore::File => Ok(self.file.delete()? || in_memory),
            CredentialsStore::Keyring | CredentialsStore::Auto => {
                // Both are tried before either failure counts.
                let in_keyring = self.keyring.delete();
                let in_file = self.file.delete()?;
                match in_keyring {
                    Ok(in_keyring) => Ok(in_keyring || in_file || in_memory),
                    // Without a keyring there is nothing in it.
                    Err(StorageError::NoKeyring { .. }) => Ok(in_file || in_memory),
                    Err(error) if in_file => {
                        tracing::warn!(%error, "nothing was removed from the keyring");
                        Ok(true)
                    }
                    Err(error) => Err(error),
                }
            }
            CredentialsStore::Ephemeral => Ok(in_memory),
        }
    }

    /// Says whether another process may have changed what is stored since an earlier stamp. Costs one look at the file.
    pub(crate) fn stamp(&self) -> Stamp {
        let has_file = matches!(self.mode, CredentialsStore::File | CredentialsStore::Auto);
        Stamp { file: has_file.then(|| self.file.stamp()).flatten(), memory: self.memory.changes() }
    }

    /// Waits up to `limit` to be the only one, of all processes that ask, who changes what is stored in this home. It
    /// binds nobody who does not ask. Dropping the lock releases it; so does the death of the process.
    ///
    /// Fails with [`StorageError::Locked`] after `limit`, and with [`StorageError::Io`] where the home cannot be
    /// written, which a caller may ignore.
    pub(crate) fn lock(&self, limit: Duration) -> Result<StorageLock, StorageError> {
        StorageLock::acquire(&self.codex_home, limit)
    }
}

#[cfg(test)]
mod tests;
