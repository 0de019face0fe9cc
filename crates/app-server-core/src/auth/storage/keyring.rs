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

/// Whose entry it is.
const SERVICE: &str = "Codex Auth";

/// Returns the bytes of an entry of the keyring, of whatever service; `None` when there is none.
pub(crate) fn load_entry(service: &'static str, user: String) -> Result<Option<Vec<u8>>, StorageError> {
    system::load(service, user)
}

/// Puts bytes into an entry of the keyring, of whatever service.
pub(crate) fn save_entry(service: &'static str, user: String, secret: Vec<u8>) -> Result<(), StorageError> {
    system::save(service, user, secret)
}

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
        let secret = system::load(SERVICE, self.user())?;
        Ok(secret.map(|secret| AuthRecord::parse(&secret)).transpose()?)
    }

    fn save(&self, record: &AuthRecord) -> Result<(), StorageError> {
        system::save(SERVICE, self.user(), record.to_compact())
    }

    fn delete(&self) -> Result<bool, StorageError> {
        system::delete(SERVICE, self.user())
    }
}

/// No keyring, in the form of one.
#[cfg(not(all(feature = "keyring", any(target_os = "linux", target_os = "macos"))))]
mod absent {
    use super::StorageError;

    pub(super) fn load(_service: &str, _user: String) -> Result<Option<Vec<u8>>, StorageError> {
        Err(none())
    }

    pub(super) fn save(_service: &str, _user: String, _secret: Vec<u8>) -> Result<(), StorageError> {
        Err(none())
    }

    pub(super) fn delete(_service: &str, _user: String) -> Result<bool, StorageError> {
        Err(none())
    }

    fn none() -> StorageError {
        StorageError::NoKeyring { reason: "this program is built without support for one".to_owned() }
    }
}

#[cfg(test)]
mod tests;
