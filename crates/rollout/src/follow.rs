//! Files of a home to which a line is appended for each change: kept in memory and followed as they grow, whoever
//! appends to them. Must not know what the lines mean.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use uuid::Uuid;

use crate::files::{self, FileVersion};

/// What the lines say of each thread.
pub(crate) type ById<T> = HashMap<Uuid, T>;

/// One such file, and what its lines together say.
#[derive(Debug)]
pub(crate) struct Followed<T> {
    path: PathBuf,
    /// Takes over what a line says; a line that says nothing changes nothing.
    take: fn(&mut T, &[u8]),
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    version: Option<FileVersion>,
    /// Bytes read, up to the end of a line.
    offset: u64,
    value: Arc<T>,
}

impl<T: Default> Default for State<T> {
    fn default() -> Self {
        Self { version: None, offset: 0, value: Arc::default() }
    }
}

impl<T: Clone + Default> Followed<T> {
    /// Nothing is read yet, and the file need not exist.
    pub(crate) fn new(path: PathBuf, take: fn(&mut T, &[u8])) -> Self {
        Self { path, take, state: Mutex::default() }
    }

    /// Returns what the file says as of now; an absent one says nothing.
    pub(crate) fn all(&self) -> io::Result<Arc<T>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(version) = files::if_exists(FileVersion::read(&self.path))? else {
            *state = State::default();
            return Ok(Arc::clone(&state.value));
        };
        if state.version == Some(version) {
            return Ok(Arc::clone(&state.value));
        }
        if !state.version.is_some_and(|earlier| version.has_grown_from(&earlier)) {
            *state = State::default();
        }
        state.read_on(&self.path, self.take)?;
        state.version = Some(version);
        Ok(Arc::clone(&state.value))
    }

    /// Appends a line.
    pub(crate) fn append(&self, entry: &impl Serialize) -> io::Result<()> {
        let mut file = files::private().read(true).append(true).create(true).open(&self.path)?;
        let mut line = Vec::new();
        if files::lacks_final_newline(&mut file)? {
            line.push(b'\n');
        }
        serde_json::to_writer(&mut line, entry)?;
        line.push(b'\n');
        file.write_all(&line)
    }
}

impl<T: Clone> State<T> {
    fn read_on(&mut self, path: &Path, take: fn(&mut T, &[u8])) -> io::Result<()> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(self.offset))?;
        let mut reader = BufReader::new(file);
        let value = Arc::make_mut(&mut self.value);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line)? > 0 {
            take(value, &line);
            if line.ends_with(b"\n") {
                self.offset += line.len() as u64;
            }
            line.clear();
        }
        Ok(())
    }
}
