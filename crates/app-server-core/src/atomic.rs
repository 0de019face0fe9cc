//! Files that are replaced as a whole: a reader sees the old file or the new one and nothing between, whatever happens
//! to the writer. It must not know what the files hold. Everything here blocks.

use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// From then on a temporary file belongs to nobody: writing it takes no time.
pub(crate) const ABANDONED: Duration = Duration::from_secs(60);
/// As many links as the system follows.
const MAX_LINKS: usize = 40;

/// Returns the file behind the links at `path`, which need not be there: users keep files elsewhere and link to them.
pub(crate) fn target(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&path) {
            Ok(target) => path = folder_of(&path).join(target),
            // Not a link, or not there.
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many links"))
}

/// Puts a file with these bytes and this mode in the place of `target`. `temporary` is how the names of files begin
/// that are to become it. Just before that `is_wanted` is asked; if it says no, nothing has changed.
pub(crate) fn replace(
    target: &Path,
    temporary: &str,
    mode: u32,
    bytes: &[u8],
    is_wanted: impl FnOnce() -> io::Result<bool>,
) -> io::Result<bool> {
    let folder = folder_of(target);
    // Its name is random, it is made by us or not at all, and it is 0600 from the beginning.
    let mut file = tempfile::Builder::new().prefix(temporary).suffix(".tmp").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().set_permissions(Permissions::from_mode(mode))?;
    file.as_file().sync_all()?;
    if !is_wanted()? {
        return Ok(false);
    }
    file.persist(target).map_err(|error| error.error)?;
    // The rename itself lasts only with this. The new content is there either way.
    if let Err(error) = fs::File::open(folder).and_then(|folder| folder.sync_all()) {
        tracing::debug!(%error, "the folder of {} was not flushed", target.display());
    }
    remove_abandoned(folder, temporary);
    Ok(true)
}

/// Removes what a writer left that was killed before the rename: it may hold a credential.
pub(crate) fn remove_abandoned(folder: &Path, temporary: &str) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let is_ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(temporary));
        if is_ours && is_abandoned(&entry).unwrap_or_default() {
            // Whoever else removes it at the same time is as welcome.
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn is_abandoned(entry: &fs::DirEntry) -> io::Result<bool> {
    let file = entry.metadata()?;
    let age = SystemTime::now().duration_since(file.modified()?);
    Ok(file.is_file() && age.is_ok_and(|age| age >= ABANDONED))
}

/// The folder a file is in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}
