//! The file of what was trusted, `project_trust.jsonl` in the home folder: a line for each folder with the hash of what it
//! held, a line without a hash for a project that is no longer trusted. It is only ever appended to. When it cannot be
//! written, what is recorded holds for this process.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use app_server_config::{TrustChange, TrustRecords, TrustSource};
use serde::{Deserialize, Serialize};

use crate::clock::now_ms;

/// Name of the file in the home folder.
const FILE_NAME: &str = "project_trust.jsonl";
/// A file larger than this is not ours.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// The keeper of the records of one home.
#[derive(Debug)]
pub struct TrustStore {
    file: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Of the file as it was read.
    stamp: Option<Stamp>,
    records: Arc<TrustRecords>,
    /// What could not be written.
    unwritten: Vec<Line>,
}

type Stamp = (u64, Option<SystemTime>);

/// One line of the file.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Line {
    path: String,
    #[serde(default)]
    folder: String,
    /// `None`: nothing is trusted at this path any more.
    #[serde(default)]
    hash: Option<String>,
    /// Milliseconds since 1970; for whoever reads the file.
    #[serde(default)]
    at: i64,
}

impl TrustStore {
    /// Makes a keeper; nothing is read yet.
    pub fn new(codex_home: &Path) -> Self {
        Self { file: codex_home.join(FILE_NAME), state: Mutex::default() }
    }

    fn append(&self, lines: &[Line]) -> io::Result<()> {
        let mut text = Vec::new();
        for line in lines {
            serde_json::to_writer(&mut text, line)?;
            text.push(b'\n');
        }
        let mut options = File::options();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        // In one piece, so that lines of two processes do not mix.
        options.open(&self.file)?.write_all(&text)
    }
}

impl TrustSource for TrustStore {
    fn records(&self) -> Arc<TrustRecords> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = stamp(&self.file);
        if stamp != state.stamp {
            let mut records = read(&self.file);
            fold(&mut records, &state.unwritten);
            state.records = Arc::new(records);
            state.stamp = stamp;
        }
        Arc::clone(&state.records)
    }

    fn keep(&self, changes: &[TrustChange]) {
        if changes.is_empty() {
            return;
        }
        let at = now_ms();
        let line = |path: &String, folder: &str, hash| Line {
            path: path.clone(),
            folder: folder.to_owned(),
            hash,
            at,
        };
        let lines: Vec<Line> = changes
            .iter()
            .map(|change| match change {
                TrustChange::Record { entry, folder, hash } => line(entry, folder, Some(hash.clone())),
                TrustChange::Forget { entry } => line(entry, "", None),
            })
            .collect();
        if let Err(error) = self.append(&lines) {
            tracing::warn!(file = %self.file.display(), %error, "what is trusted is remembered for this process only");
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let mut records = TrustRecords::clone(&state.records);
            fold(&mut records, &lines);
            state.records = Arc::new(records);
            state.unwritten.extend(lines);
        }
    }
}

fn stamp(file: &Path) -> Option<Stamp> {
    fs::metadata(file).ok().map(|metadata| (metadata.len(), metadata.modified().ok()))
}

/// Reads the file; what is not a line of ours is passed over.
fn read(file: &Path) -> TrustRecords {
    let mut records = TrustRecords::new();
    if stamp(file).is_none_or(|(length, _)| length > MAX_BYTES) {
        return records;
    }
    let Ok(text) = fs::read(file) else { return records };
    let lines: Vec<Line> =
        text.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    fold(&mut records, &lines);
    records
}

fn fold(records: &mut TrustRecords, lines: &[Line]) {
    for line in lines {
        match &line.hash {
            Some(hash) => {
                records.entry(line.path.clone()).or_default().insert(line.folder.clone(), hash.clone());
            }
            None => {
                records.remove(&line.path);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    fn record(entry: &str, folder: &str, hash: &str) -> TrustChange {
        TrustChange::Record { entry: entry.into(), folder: folder.into(), hash: hash.into() }
    }

    fn shown(store: &TrustStore) -> Vec<String> {
        let records = store.records();
        let lines = records.iter().flat_map(|(path, folders)| {
            folders.iter().map(move |(folder, hash)| format!("{path} {folder} {hash}"))
        });
        lines.collect()
    }

    #[test]
    fn the_last_line_about_a_folder_counts_in_every_process() {
        let home = tempfile::tempdir().unwrap();
        let (one, other) = (TrustStore::new(home.path()), TrustStore::new(home.path()));
        assert_eq!(shown(&one), Vec::<String>::new());
        one.keep(&[record("/a", "", "1"), record("/a", "sub", "2"), record("/b", "", "3")]);
        other.keep(&[record("/a", "", "4")]);
        fs::OpenOptions::new()
            .append(true)
            .open(home.path().join(FILE_NAME))
            .unwrap()
            .write_all(b"{\"path\": \"/half\n\xff\n{}\n")
            .unwrap();
        assert_eq!(shown(&one), ["/a  4", "/a sub 2", "/b  3"]);
        assert_eq!(shown(&other), shown(&one));
        other.keep(&[TrustChange::Forget { entry: "/a".into() }]);
        assert_eq!(shown(&one), ["/b  3"]);
    }

    #[test]
    fn what_cannot_be_written_is_remembered() {
        let home = tempfile::tempdir().unwrap();
        let store = TrustStore::new(&home.path().join("absent"));
        store.keep(&[record("/a", "", "1")]);
        assert_eq!(shown(&store), ["/a  1"]);
        store.keep(&[TrustChange::Forget { entry: "/a".into() }, record("/b", "", "2")]);
        assert_eq!(shown(&store), ["/b  2"]);
    }
}
