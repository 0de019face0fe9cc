//! What a trusted project's `.codex` folder looked like when the user trusted it. Trust is of a content: whatever changes
//! in the folder afterwards, by a pull or by a command, has not been agreed to (decisions.md, "Trust"). Nothing here
//! writes; whoever keeps the records is told what to add or drop.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::{self, Write as _};
use std::fs::{self, Metadata};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use sha2::{Digest as _, Sha256};

use crate::layers::hex;

/// How deep folders may lie below a `.codex` folder that can be trusted.
const MAX_DEPTH: usize = 8;
/// How many files and folders it may hold.
const MAX_ENTRIES: usize = 2_000;
/// How many bytes it may hold.
const MAX_BYTES: u64 = 32 * 1024 * 1024;
/// A file touched more recently is read again: its stamp may stay the same when it changes once more.
const SETTLED_AFTER: Duration = Duration::from_secs(2);
/// The record of a project that had no `.codex` folder.
pub const NO_FOLDER: &str = "none";

/// What is recorded: for each entry under `projects` of the user's file, the hash of each folder it covers. A folder is
/// named by its place below the project's root, `""` being the root itself.
pub type TrustRecords = BTreeMap<String, BTreeMap<String, String>>;

/// Where records are kept.
pub trait TrustSource: fmt::Debug + Send + Sync {
    /// Returns what is recorded now.
    fn records(&self) -> Arc<TrustRecords>;

    /// Takes over what a load found, or what the user confirmed.
    fn keep(&self, changes: &[TrustChange]);
}

/// Keeps nothing: every trusted folder is seen for the first time.
#[derive(Debug)]
pub(crate) struct NoRecords;

impl TrustSource for NoRecords {
    fn records(&self) -> Arc<TrustRecords> {
        Arc::default()
    }

    fn keep(&self, _changes: &[TrustChange]) {}
}

/// What a load finds should be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrustChange {
    /// The user's file trusts the project, and this folder of it is seen for the first time.
    Record {
        /// The path under `projects`, as it is written there.
        entry: String,
        /// The folder's place below the project's root.
        folder: String,
        /// The hash of its content, or [`NO_FOLDER`].
        hash: String,
    },
    /// The user's file no longer trusts the project.
    Forget {
        /// The path that was under `projects`.
        entry: String,
    },
}

/// Computes hashes of folders, and remembers those of folders that have not been touched.
#[derive(Debug, Default)]
pub struct FolderHasher {
    known: Mutex<HashMap<PathBuf, Known>>,
}

#[derive(Debug, Clone)]
struct Known {
    stamps: String,
    hash: String,
}

impl FolderHasher {
    /// Returns the hash of all that is in a folder: names, kinds, contents, and which files may be executed. Links are
    /// followed, wherever they lead, since whoever reads the folder follows them as well. [`NO_FOLDER`] if there is none.
    ///
    /// # Errors
    /// Why the content cannot be taken for known: it is too large, too deep, or cannot be read.
    pub fn hash(&self, folder: &Path) -> Result<String, String> {
        if !folder.is_dir() {
            return Ok(NO_FOLDER.to_owned());
        }
        let mut found = Found::default();
        found.walk(folder, &mut String::new(), 0)?;
        let stamps = found.stamps();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(folder).filter(|known| known.stamps == stamps) {
            return Ok(known.hash.clone());
        }
        let hash = found.hash()?;
        if found.is_settled() {
            known.insert(folder.to_owned(), Known { stamps, hash: hash.clone() });
        } else {
            known.remove(folder);
        }
        Ok(hash)
    }
}

/// One file or folder below a `.codex` folder.
struct Entry {
    name: String,
    path: PathBuf,
    link: Option<PathBuf>,
    /// `None` for a link that leads nowhere.
    metadata: Option<Metadata>,
}

#[derive(Default)]
struct Found {
    entries: Vec<Entry>,
    bytes: u64,
    /// Real paths of the folders on the way, for links that lead back.
    folders: HashSet<PathBuf>,
}

impl Found {
    fn walk(&mut self, folder: &Path, below: &mut String, depth: usize) -> Result<(), String> {
        let unreadable = |error: std::io::Error| format!("{}: {error}", folder.display());
        let real = folder.canonicalize().map_err(unreadable)?;
        if depth > MAX_DEPTH {
            return Err(format!("{} is more than {MAX_DEPTH} folders deep", folder.display()));
        }
        if !self.folders.insert(real.clone()) {
            return Ok(());
        }
        let mut names = Vec::new();
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            names.push(entry.map_err(unreadable)?.file_name());
            if self.entries.len() + names.len() > MAX_ENTRIES {
                return Err(format!("there are more than {MAX_ENTRIES} files in it"));
            }
        }
        names.sort();
        for name in names {
            let path = folder.join(&name);
            let length = below.len();
            // Two names that differ only in bytes that are no text must not look alike.
            let _ = write!(below, "/{}", name.as_encoded_bytes().escape_ascii());
            let link = fs::read_link(&path).ok();
            let metadata = fs::metadata(&path).ok();
            let is_dir = metadata.as_ref().is_some_and(Metadata::is_dir);
            if let Some(file) = metadata.as_ref().filter(|metadata| metadata.is_file()) {
                self.bytes += file.len();
            }
            if self.bytes > MAX_BYTES {
                return Err(format!("its files are larger than {} MiB", MAX_BYTES >> 20));
            }
            self.entries.push(Entry { name: below.clone(), path: path.clone(), link, metadata });
            if is_dir {
                self.walk(&path, below, depth + 1)?;
            }
            below.truncate(length);
        }
        // Only what is on the way down leads in a circle; the same folder may well be linked to twice.
        self.folders.remove(&real);
        Ok(())
    }

    /// What changes whenever a file does.
    fn stamps(&self) -> String {
        let mut stamps = String::new();
        for entry in &self.entries {
            // Writing to a String cannot fail.
            let _ = writeln!(stamps, "{} {:?} {}", entry.name, entry.link, stamp(entry.metadata.as_ref()));
        }
        stamps
    }

    fn is_settled(&self) -> bool {
        let now = SystemTime::now();
        self.entries.iter().filter_map(|entry| entry.metadata.as_ref()).all(|metadata| {
            metadata.modified().is_ok_and(|at| now.duration_since(at).is_ok_and(|age| age > SETTLED_AFTER))
        })
    }

    fn hash(&self) -> Result<String, String> {
        let mut hasher = Sha256::new();
        // Every part has its length before it, so that no two folders are written alike.
        let mut part = |bytes: &[u8]| {
            hasher.update((bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        for entry in &self.entries {
            part(entry.name.as_bytes());
            part(entry.link.as_ref().map_or(&[], |link| link.as_os_str().as_encoded_bytes()));
            let kind: &[u8] = match &entry.metadata {
                None => b"nothing",
                Some(metadata) if metadata.is_dir() => b"folder",
                Some(metadata) if !metadata.is_file() => b"other",
                Some(metadata) if is_executable(metadata) => b"program",
                Some(_) => b"file",
            };
            part(kind);
            if matches!(kind, b"file" | b"program") {
                part(&content(entry)?);
            }
        }
        Ok(hex(&hasher.finalize()))
    }
}

/// Reads a file that must not change meanwhile. An empty one is not opened: what the system makes up for a reader has no
/// length.
fn content(entry: &Entry) -> Result<Vec<u8>, String> {
    let length = entry.metadata.as_ref().map_or(0, Metadata::len);
    let mut content = Vec::new();
    if length > 0 {
        let read =
            fs::File::open(&entry.path).and_then(|file| file.take(length + 1).read_to_end(&mut content));
        read.map_err(|error| format!("{}: {error}", entry.path.display()))?;
    }
    if content.len() as u64 == length {
        Ok(content)
    } else {
        Err(format!("{} changes while it is read", entry.path.display()))
    }
}

#[cfg(unix)]
fn stamp(metadata: Option<&Metadata>) -> String {
    use std::os::unix::fs::MetadataExt as _;
    let Some(metadata) = metadata else { return String::new() };
    format!(
        "{} {} {} {:o} {}.{} {}.{}",
        metadata.dev(),
        metadata.ino(),
        metadata.len(),
        metadata.mode(),
        metadata.mtime(),
        metadata.mtime_nsec(),
        // Nobody but the system sets this one.
        metadata.ctime(),
        metadata.ctime_nsec(),
    )
}

#[cfg(not(unix))]
fn stamp(metadata: Option<&Metadata>) -> String {
    metadata.map(|metadata| format!("{} {:?}", metadata.len(), metadata.modified())).unwrap_or_default()
}

#[cfg(unix)]
fn is_executable(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(_metadata: &Metadata) -> bool {
    false
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fn hash(folder: &Path) -> String {
        FolderHasher::default().hash(folder).unwrap()
    }

    #[test]
    fn every_change_of_a_folder_changes_its_hash() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join(".codex");
        assert_eq!(hash(&folder), NO_FOLDER);
        fs::create_dir_all(folder.join("rules")).unwrap();
        fs::create_dir(dir.path().join("elsewhere")).unwrap();
        fs::write(dir.path().join("elsewhere/far"), "1").unwrap();
        let file = folder.join("rules/a.rules");
        let steps: Vec<Box<dyn Fn()>> = vec![
            Box::new(|| fs::write(&file, "x").unwrap()),
            Box::new(|| fs::write(&file, "y").unwrap()),
            Box::new(|| fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap()),
            Box::new(|| fs::rename(&file, folder.join("rules/b.rules")).unwrap()),
            Box::new(|| fs::create_dir(folder.join("empty")).unwrap()),
            Box::new(|| symlink("rules/b.rules", folder.join("link")).unwrap()),
            Box::new(|| symlink("../elsewhere", folder.join("out")).unwrap()),
            Box::new(|| fs::write(dir.path().join("elsewhere/far"), "2").unwrap()),
            Box::new(|| symlink("..", folder.join("empty/back")).unwrap()),
        ];
        let hasher = FolderHasher::default();
        let mut seen = vec![hasher.hash(&folder).unwrap()];
        for (number, step) in steps.iter().enumerate() {
            step();
            let now = hasher.hash(&folder).unwrap();
            assert_eq!(now, hash(&folder), "step {number}: what is remembered is out of date");
            assert!(!seen.contains(&now), "step {number} changed nothing");
            seen.push(now);
        }
    }

    #[test]
    fn a_copy_has_the_same_hash_and_an_old_folder_is_remembered() {
        let dir = tempfile::tempdir().unwrap();
        let long_ago = SystemTime::now() - Duration::from_secs(60);
        let folders = ["a", "b"].map(|name| dir.path().join(name));
        for folder in &folders {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join("config.toml"), "model = 'x'").unwrap();
            let file = fs::File::options().write(true).open(folder.join("config.toml")).unwrap();
            file.set_modified(long_ago).unwrap();
        }
        assert_eq!(hash(&folders[0]), hash(&folders[1]));
        let hasher = FolderHasher::default();
        hasher.hash(&folders[0]).unwrap();
        assert_eq!(hasher.known.lock().unwrap().len(), 1);
        // Same size and same date: only the system's own stamp tells.
        fs::write(folders[0].join("config.toml"), "model = 'y'").unwrap();
        let file = fs::File::options().write(true).open(folders[0].join("config.toml")).unwrap();
        file.set_modified(long_ago).unwrap();
        assert_ne!(hasher.hash(&folders[0]).unwrap(), hash(&folders[1]));
    }

    #[test]
    fn what_is_too_large_is_not_known() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("1/2/3/4/5/6/7/8/9");
        fs::create_dir_all(&deep).unwrap();
        assert!(FolderHasher::default().hash(dir.path()).unwrap_err().contains("folders deep"));
        let dir = tempfile::tempdir().unwrap();
        fs::File::create(dir.path().join("big")).unwrap().set_len(MAX_BYTES + 1).unwrap();
        assert!(FolderHasher::default().hash(dir.path()).unwrap_err().contains("larger than 32 MiB"));
        let dir = tempfile::tempdir().unwrap();
        for number in 0..=MAX_ENTRIES {
            fs::write(dir.path().join(number.to_string()), "").unwrap();
        }
        assert!(FolderHasher::default().hash(dir.path()).unwrap_err().contains("2000 files"));
    }
}
