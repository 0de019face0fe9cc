//! Thread names, kept in `session_index.jsonl`: one line per rename, the last one of an id wins, lines are only
//! appended (rollouts.md 10). Must not know rollouts.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::files::{self, FileVersion};

/// The names of a home's threads, kept in memory and followed as the file grows, whoever appends to it.
#[derive(Debug)]
pub struct NameIndex {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    version: Option<FileVersion>,
    /// Bytes read, up to the end of a line.
    offset: u64,
    names: Arc<HashMap<Uuid, String>>,
}

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
        Self { path: codex_home.join("session_index.jsonl"), state: Mutex::default() }
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
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(version) = files::if_exists(FileVersion::read(&self.path))? else {
            *state = State::default();
            return Ok(Arc::clone(&state.names));
        };
        if state.version == Some(version) {
            return Ok(Arc::clone(&state.names));
        }
        if !state.version.is_some_and(|earlier| version.has_grown_from(&earlier)) {
            *state = State::default();
        }
        state.read_on(&self.path)?;
        state.version = Some(version);
        Ok(Arc::clone(&state.names))
    }

    /// Appends a name for a thread.
    ///
    /// # Errors
    /// The system's.
    pub fn set(&self, id: Uuid, name: &str) -> io::Result<()> {
        let updated_at = Timestamp::now().to_string();
        let entry = Entry { id, thread_name: Some(name.to_owned()), updated_at };
        let mut file = files::private().read(true).append(true).create(true).open(&self.path)?;
        let mut line = Vec::new();
        if files::lacks_final_newline(&mut file)? {
            line.push(b'\n');
        }
        serde_json::to_writer(&mut line, &entry)?;
        line.push(b'\n');
        file.write_all(&line)
    }
}

impl State {
    fn read_on(&mut self, path: &Path) -> io::Result<()> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(self.offset))?;
        let mut reader = BufReader::new(file);
        let names = Arc::make_mut(&mut self.names);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line)? > 0 {
            if let Ok(entry) = serde_json::from_slice::<Entry>(&line) {
                match entry.thread_name {
                    Some(name) if !name.is_empty() => names.insert(entry.id, name),
                    _ => names.remove(&entry.id),
                };
            }
            if line.ends_with(b"\n") {
                self.offset += line.len() as u64;
            }
            line.clear();
        }
        Ok(())
    }
}
