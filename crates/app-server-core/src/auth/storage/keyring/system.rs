//! Entries of the system's keyring. An entry is found by its service and user; this module must not know what is in it.

use std::collections::HashMap;

#[cfg(target_os = "macos")]
use apple_native_keyring_store::keychain::Store;
use keyring_core::api::CredentialStoreApi as _;
use keyring_core::{Entry, Error};
#[cfg(target_os = "linux")]
use zbus_secret_service_keyring_store::Store;

use super::thread::{Asker, ask};
use crate::auth::storage::StorageError;

/// Returns the bytes of a user's entry; `None` when there is no entry.
pub(super) fn load(service: &'static str, user: String) -> Result<Option<Vec<u8>>, StorageError> {
    ask(move |_| {
        let entries = Entries::new(service, &user)?;
        match entries.existing()?.map(Entry::get_secret) {
            None | Some(Err(Error::NoEntry)) => Ok(None),
            Some(secret) => Ok(Some(secret?)),
        }
    })
}

/// Puts bytes into a user's entry, which is made if there is none.
pub(super) fn save(service: &'static str, user: String, secret: Vec<u8>) -> Result<(), StorageError> {
    ask(move |asker| put(&Entries::new(service, &user)?, &secret, asker))
}

/// Removes every entry of a user. Returns whether there was one.
pub(super) fn delete(service: &'static str, user: String) -> Result<bool, StorageError> {
    ask(move |asker| {
        let mut was_there = false;
        for entry in &Entries::new(service, &user)?.0 {
            // To find it may have taken until somebody unlocked it. By then it may hold another login.
            if is_there(entry)? && asker.waits() {
                was_there |= remove(entry)?;
            }
        }
        Ok(was_there)
    })
}

/// A save that was given up must not come true later: by then something newer is in another place.
fn put(entries: &Entries, secret: &[u8], asker: &Asker<()>) -> Result<(), StorageError> {
    let existing = entries.existing()?;
    if !asker.waits() {
        return Err(StorageError::Lost);
    }
    let entry = existing.unwrap_or(&entries.0[0]);
    entry.set_secret(secret)?;
    if existing.is_none() && !asker.waits() {
        remove(entry)?;
    }
    Ok(())
}

fn remove(entry: &Entry) -> Result<bool, StorageError> {
    match entry.delete_credential() {
        Ok(()) => Ok(true),
        Err(Error::NoEntry) => Ok(false),
        Err(Error::Ambiguous(entries)) => {
            entries.iter().try_for_each(Entry::delete_credential)?;
            Ok(true)
        }
        Err(error) => Err(error.into()),
    }
}

/// The places of one user's entry, the best first.
struct Entries(Vec<Entry>);

impl Entries {
    fn new(service: &str, user: &str) -> Result<Self, StorageError> {
        let store = Store::new().map_err(|error| StorageError::NoKeyring { reason: error.to_string() })?;
        let entry = |modifiers: &[(&str, &str)]| {
            let modifiers: HashMap<_, _> = modifiers.iter().copied().collect();
            store.build(service, user, Some(&modifiers))
        };
        // Other implementations mark their entries with the collection. Tools for passwords do not.
        let places: &[&[_]] =
            if cfg!(target_os = "linux") { &[&[("target", "default")], &[]] } else { &[&[]] };
        places
            .iter()
            .map(|place| entry(place))
            .collect::<Result<_, _>>()
            .map(Self)
            .map_err(StorageError::from)
    }

    /// The best place that has something. Unlocks it.
    fn existing(&self) -> Result<Option<&Entry>, StorageError> {
        for entry in &self.0 {
            if is_there(entry)? {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }
}

/// Unlocks what is there. More than one is as good as one here: reading and writing will refuse it.
fn is_there(entry: &Entry) -> Result<bool, StorageError> {
    match entry.get_credential() {
        Ok(_) | Err(Error::Ambiguous(_)) => Ok(true),
        Err(Error::NoEntry) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The words of these errors name entries and causes, not content.
impl From<Error> for StorageError {
    fn from(error: Error) -> Self {
        StorageError::Keyring { reason: error.to_string() }
    }
}
