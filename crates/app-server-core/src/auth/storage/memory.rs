//! The store of one process: gone when it ends.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{CredentialBackend, StorageError};
use crate::auth::record::AuthRecord;

/// A record in memory. The process has one, beside its home.
#[derive(Default)]
pub(crate) struct Memory {
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    record: Option<AuthRecord>,
    changes: u64,
}

impl Memory {
    /// Counts the changes so far.
    pub(super) fn changes(&self) -> u64 {
        self.held().changes
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CredentialBackend for Memory {
    fn load(&self) -> Result<Option<AuthRecord>, StorageError> {
        Ok(self.held().record.clone())
    }

    fn save(&self, record: &AuthRecord) -> Result<(), StorageError> {
        let mut held = self.held();
        held.record = Some(record.clone());
        held.changes += 1;
        Ok(())
    }

    fn delete(&self) -> Result<bool, StorageError> {
        let mut held = self.held();
        let was_there = held.record.take().is_some();
        held.changes += u64::from(was_there);
        Ok(was_there)
    }
}
