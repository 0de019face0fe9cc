//! The keyring of the system: the Secret Service, or the Keychain of macOS (auth specification 4). What is kept there is
//! what other implementations of this server keep, so that they find each other's entries.

#[cfg(all(feature = "keyring", any(target_os = "linux", target_os = "macos")))]
mod system;
#[cfg(all(feature = "keyring", any(target_os = "linux", target_os = "macos")))]
mod thread;

use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

#[cfg(not(all(feature = "keyring", any(target_os = "linux", target_os = "macos"))))]
use self::absent as system;
use super::{CredentialBackend, StorageError};
use crate::auth::record::AuthRecord;

/// The store in the keyring of the system.
pub(super) struct Keyring {
    codex_home: PathBuf,
}

impl Keyring {
    /// Nothing is asked yet.
    pub(super) fn new(codex_home: &Path) -> Self {
        Keyring { codex_home: codex_home.to_owned() }
    }

    /// The name of the entry: every home has its own.
    fn user(&self) -> String {
        // A home that is not there has an entry nonetheless.
        let home = self.codex_home.canonicalize().unwrap_or_else(|_| self.codex_home.clone());
        let digest = Sha256::digest(home.to_string_lossy().as_bytes());
        let digits: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        format!("cli|{digits}")
    }
}

impl CredentialBackend for Keyring {
    fn load(&self) -> Result<Option<AuthRecord>, StorageError> {
        let secret = system::load(self.user())?;
        Ok(secret.map(|secret| AuthRecord::parse(&secret)).transpose()?)
    }

    fn save(&self, record: &AuthRecord) -> Result<(), StorageError> {
        system::save(self.user(), record.to_compact())
    }

    fn delete(&self) -> Result<bool, StorageError> {
        system::delete(self.user())
    }
}

/// No keyring, in the form of one.
#[cfg(not(all(feature = "keyring", any(target_os = "linux", target_os = "macos"))))]
mod absent {
    use super::StorageError;

    pub(super) fn load(_user: String) -> Result<Option<Vec<u8>>, StorageError> {
        Err(none())
    }

    pub(super) fn save(_user: String, _secret: Vec<u8>) -> Result<(), StorageError> {
        Err(none())
    }

    pub(super) fn delete(_user: String) -> Result<bool, StorageError> {
        Err(none())
    }

    fn none() -> StorageError {
        StorageError::NoKeyring { reason: "this program is built without support for one".to_owned() }
    }
}

#[cfg(test)]
mod tests;
