//! Thread names, kept in `session_index.jsonl`: one line per rename, the last one of an id wins, lines are only
//! appended (rollouts.md 10). Must not know rollouts.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::follow::{ById, Followed};

/// The names of a home's threads, kept in memory and followed as the file grows, whoever appends to it.
#[derive(Debug)]
pub struct NameIndex(Followed<ById<String>>);

#[derive(Serialize, Deserialize)]
struct Entry {
    id: Uuid,
    #[serde(default)]
    thread_name: Option<String>,
    #[serde(default)]
    updated_at: String,
}

impl NameIndex {
    /// Returns the index of a home; nothing is read yet.
    pub fn new(codex_home: &Path) -> Self {
        Self(Followed::new(codex_home.join("session_index.jsonl"), take))
    }

    /// Returns the name of a thread.
    ///
    /// # Errors
    /// The system's; an absent file has no names.
    pub fn get(&self, id: Uuid) -> io::Result<Option<String>> {
        Ok(self.all()?.get(&id).cloned())
    }

    /// Returns all names as of now.
    ///
    /// # Errors
    /// As [`NameIndex::get`].
    pub fn all(&self) -> io::Result<Arc<HashMap<Uuid, String>>> {
        self.0.all()
    }

    /// Appends a name for a thread.
    ///
    /// # Errors
    /// The system's.
    pub fn set(&self, id: Uuid, name: &str) -> io::Result<()> {
        let updated_at = Timestamp::now().to_string();
        self.0.append(&Entry { id, thread_name: Some(name.to_owned()), updated_at })
    }
}

fn take(names: &mut ById<String>, line: &[u8]) {
    if let Ok(entry) = serde_json::from_slice::<Entry>(line) {
        match entry.thread_name {
            Some(name) if !name.is_empty() => names.insert(entry.id, name),
            _ => names.remove(&entry.id),
        };
    }
}
