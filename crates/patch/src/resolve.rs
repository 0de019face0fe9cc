//! Paths and bounded reads: from what a patch names to a real file. Must not know patches.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

/// A file larger than this is not text that a model edits, and every step holds it in memory.
pub(crate) const MAX_FILE: u64 = 64 << 20;

/// Joins and removes `.` and `..` by name only, so that what is checked is what is written, links or not.
pub(crate) fn absolute(base: &Path, path: &str) -> PathBuf {
    let mut result = PathBuf::new();
    for component in base.join(path).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                result.pop();
            }
            other => result.push(other),
        }
    }
    result
}

/// Returns the path with every link among its folders followed; folders that are missing stay as named.
pub(crate) fn real_folder(folder: &Path) -> io::Result<PathBuf> {
    let mut existing = folder;
    loop {
        match fs::canonicalize(existing) {
            Ok(mut real) => {
                if let Ok(missing) = folder.strip_prefix(existing)
                    && !missing.as_os_str().is_empty()
                {
                    real.push(missing);
                }
                return Ok(real);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => match existing.parent() {
                Some(parent) => existing = parent,
                None => return Err(error),
            },
            Err(error) => return Err(error),
        }
    }
}

/// Follows `path` when it is a link itself. A link to nothing is an error: writing "through" it would create a file
/// in a place nobody named.
pub(crate) fn follow(path: &Path) -> io::Result<PathBuf> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() => fs::canonicalize(path),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(path.to_owned()),
    }
}

/// Returns `path` as the file system spells it, where two spellings may be one file. Links stay.
pub(crate) fn spelled(path: PathBuf) -> PathBuf {
    if !cfg!(any(windows, target_vendor = "apple")) {
        return path;
    }
    match fs::symlink_metadata(&path) {
        Ok(metadata) if !metadata.is_symlink() => fs::canonicalize(&path).unwrap_or(path),
        _ => path,
    }
}

/// What stands under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// A regular file, with its permission bits where there are such.
    File {
        /// The bytes.
        content: Vec<u8>,
        /// 0 where the system has none.
        mode: u32,
    },
    /// A symbolic link and where it points.
    Link(PathBuf),
}

/// Reads what stands at `path` itself, links not followed; `None` when there is nothing.
///
/// Folders, devices, pipes and files over [`MAX_FILE`] are errors, and nothing waits for the other end of a pipe.
pub(crate) fn read(path: &Path) -> io::Result<Option<Found>> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if metadata.is_symlink() {
        return fs::read_link(path).map(|target| Some(Found::Link(target)));
    }
    regular(&metadata)?;
    let file = open(path)?;
    // Asked again of the open file: the name may point elsewhere by now.
    let metadata = file.metadata()?;
    regular(&metadata)?;
    let content = bounded(&file, metadata.len())?;
    Ok(Some(Found::File { content, mode: mode(&metadata) }))
}

pub(crate) fn bounded(file: &fs::File, length: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::with_capacity(usize::try_from(length.min(MAX_FILE)).unwrap_or(0));
    file.take(MAX_FILE + 1).read_to_end(&mut content)?;
    if content.len() as u64 > MAX_FILE { Err(too_large()) } else { Ok(content) }
}

pub(crate) fn too_large() -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, format!("larger than {} MiB", MAX_FILE >> 20))
}

fn regular(metadata: &fs::Metadata) -> io::Result<()> {
    if metadata.is_dir() {
        return Err(is_a_directory());
    }
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    if metadata.len() > MAX_FILE { Err(too_large()) } else { Ok(()) }
}

#[cfg(unix)]
fn is_a_directory() -> io::Error {
    rustix::io::Errno::ISDIR.into()
}

#[cfg(not(unix))]
fn is_a_directory() -> io::Error {
    io::ErrorKind::IsADirectory.into()
}

#[cfg(unix)]
fn open(path: &Path) -> io::Result<fs::File> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?.into())
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<fs::File> {
    fs::File::open(path)
}

#[cfg(unix)]
pub(crate) fn mode(metadata: &fs::Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o777
}

#[cfg(not(unix))]
pub(crate) fn mode(_: &fs::Metadata) -> u32 {
    0
}
