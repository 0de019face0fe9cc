//! Small file helpers shared by the modules of this crate. Must not know what the files hold.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

/// What tells one state of a file from another without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileVersion {
    /// Bytes.
    pub(crate) size: u64,
    /// Nanoseconds since the epoch.
    pub(crate) mtime_ns: i64,
    /// 0 where the platform has none.
    pub(crate) inode: u64,
}

impl FileVersion {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        let mtime_ns = metadata
            .modified()
            .ok()
            .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
            .and_then(|age| i64::try_from(age.as_nanos()).ok())
            .unwrap_or_default();
        Self { size: metadata.len(), mtime_ns, inode: inode(metadata) }
    }

    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        fs::metadata(path).map(|metadata| Self::of(&metadata))
    }

    /// Whether this can be `earlier` after nothing but appends.
    pub(crate) fn has_grown_from(&self, earlier: &Self) -> bool {
        self.inode == earlier.inode && self.size >= earlier.size
    }

    pub(crate) fn mtime_ms(&self) -> i64 {
        self.mtime_ns.div_euclid(1_000_000)
    }

    pub(crate) fn mtime_s(&self) -> i64 {
        self.mtime_ns.div_euclid(1_000_000_000)
    }
}

#[cfg(unix)]
fn inode(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn inode(_metadata: &Metadata) -> u64 {
    0
}

/// Returns options that create files only their owner can read: rollouts, names and previews hold the user's words.
pub(crate) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Whether the file is non-empty and does not end with a line feed.
pub(crate) fn lacks_final_newline(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last[0] != b'\n')
}

/// Returns `None` for an absent file.
pub(crate) fn if_exists<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The two files a rollout can be: the plain one, which wins, and the compressed one beside it.
pub(crate) struct Pair {
    pub(crate) plain: PathBuf,
    pub(crate) compressed: PathBuf,
}

/// Returns the pair that either path of it belongs to.
pub(crate) fn pair(path: &Path) -> Pair {
    let text = path.as_os_str();
    if path.extension().is_some_and(|extension| extension == "zst") {
        Pair { plain: path.with_extension(""), compressed: text.into() }
    } else {
        let mut compressed = text.to_owned();
        compressed.push(".zst");
        Pair { plain: text.into(), compressed: compressed.into() }
    }
}
