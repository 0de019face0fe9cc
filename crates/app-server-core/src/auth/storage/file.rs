//! `auth.json` (auth specification 3). A reader sees the old file or the new one and nothing between, whatever happens
//! to the writer.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{CredentialBackend, StorageError};
use crate::atomic;
use crate::auth::record::AuthRecord;

const NAME: &str = "auth.json";
/// How a file begins that is to become `auth.json`.
const TEMPORARY: &str = ".auth.json-";
/// How long another program may take that writes the file in place, which other implementations do.
const WRITE_IN_PLACE: Duration = Duration::from_millis(30);

/// The store in a file.
pub(super) struct File {
    folder: PathBuf,
    path: PathBuf,
}

/// The file as the system knows it. Replacing it gives it another inode; writing it in place, another time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileStamp {
    modified: (i64, i64),
    size: u64,
    device: u64,
    inode: u64,
}

impl File {
    pub(super) fn new(codex_home: &Path) -> Self {
        File { folder: codex_home.to_owned(), path: codex_home.join(NAME) }
    }

    /// `None` when there is no file, or none that can be seen.
    pub(super) fn stamp(&self) -> Option<FileStamp> {
        let file = fs::metadata(&self.path).ok()?;
        Some(FileStamp {
            modified: (file.mtime(), file.mtime_nsec()),
            size: file.size(),
            device: file.dev(),
            inode: file.ino(),
        })
    }

    fn read(&self) -> Result<Option<AuthRecord>, StorageError> {
        match fs::read(&self.path) {
            Ok(bytes) => Ok(Some(AuthRecord::parse(&bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StorageError::io("read", &self.path)(error)),
        }
    }

    /// The file behind the links, which need not be there: a user may keep `auth.json` elsewhere and link to it.
    fn target(&self) -> Result<PathBuf, StorageError> {
        atomic::target(&self.path).map_err(StorageError::io("follow the links of", &self.path))
    }

    fn replace(target: &Path, bytes: &[u8]) -> io::Result<()> {
        atomic::replace(target, TEMPORARY, 0o600, bytes, || Ok(true)).map(|_| ())
    }

    /// For a file in a place where none can be made, such as one mounted into a container. A reader may see half of it,
    /// and looks again.
    fn overwrite(target: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = fs::OpenOptions::new().write(true).truncate(true).open(target)?;
        file.set_permissions(Permissions::from_mode(0o600))?;
        file.write_all(bytes)?;
        file.sync_all()
    }
}

/// Says whether nothing can be put in the place of a file, which need not keep it from being written.
fn cannot_replace(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::ResourceBusy | Kind::CrossesDevices | Kind::PermissionDenied | Kind::ReadOnlyFilesystem
    )
}

impl CredentialBackend for File {
    fn load(&self) -> Result<Option<AuthRecord>, StorageError> {
        match self.read() {
            // It may be half written by a program that does not replace it as we do.
            Err(StorageError::Damaged(_)) => {
                std::thread::sleep(WRITE_IN_PLACE);
                self.read()
            }
            result => result,
        }
    }

    fn save(&self, record: &AuthRecord) -> Result<(), StorageError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)
            .map_err(StorageError::io("create", &self.folder))?;
        let (target, bytes) = (self.target()?, record.to_pretty());
        let saved = match Self::replace(&target, &bytes) {
            Err(error) if cannot_replace(&error) && target.exists() => {
                tracing::warn!(%error, "auth.json cannot be replaced and is written in place");
                Self::overwrite(&target, &bytes)
            }
            saved => saved,
        };
        saved.map_err(StorageError::io("write", &target))
    }

    /// Removes the file and keeps a link to it, as saving does.
    fn delete(&self) -> Result<bool, StorageError> {
        let target = self.target()?;
        match fs::remove_file(&target) {
            Ok(()) => {
                atomic::remove_abandoned(atomic::folder_of(&target), TEMPORARY);
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(StorageError::io("remove", &target)(error)),
        }
    }
}

#[cfg(test)]
mod tests;
