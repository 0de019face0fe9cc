//! Whole files, replaced so that a reader sees the old content or the new one.

use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use app_server_protocol::v2::{FsWriteFileParams, FsWriteFileResponse};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::fs::{Access, Gid, Uid};
use rustix::io::Errno;

use super::{not_a_file, temporary_name};
use crate::error::CoreError;

/// As many links as the system follows.
const MAX_LINKS: usize = 40;
const NEW_MODE: u32 = 0o666;
/// The bits of a mode that are kept.
const MODE_BITS: u32 = 0o7777;

/// Answers `fs/writeFile`. The file keeps its mode and its owner; where it has several names, the others keep the old
/// content. Where none can be put in its place, as in a folder that cannot be written, it is written as it stands.
///
/// # Errors
/// What is no base64 or no file is refused; the rest is the system's, as for a folder that is missing.
pub fn write_file(params: &FsWriteFileParams) -> Result<FsWriteFileResponse, CoreError> {
    let bytes = STANDARD.decode(&params.data_base64).map_err(|error| {
        CoreError::Invalid(format!("fs/writeFile requires valid base64 dataBase64: {error}"))
    })?;
    let target = target(params.path.as_ref())?;
    match fs::metadata(&target) {
        Ok(old) if old.is_dir() => return Err(Errno::ISDIR.into()),
        Ok(old) if !old.is_file() => return Err(not_a_file(params.path.as_ref())),
        Ok(old) => rewrite(&target, &old, &bytes)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => put(&target, None, &bytes)?,
        Err(error) => return Err(error.into()),
    }
    Ok(FsWriteFileResponse {})
}

/// The file behind the links, which need not be there.
fn target(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&path) {
            Ok(target) => path = folder_of(&path).join(target),
            // Not a link, or not there.
            Err(_) => return Ok(path),
        }
    }
    Err(Errno::LOOP.into())
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

fn rewrite(target: &Path, old: &Metadata, bytes: &[u8]) -> io::Result<()> {
    // Putting another in its place asks the folder only; whoever made the file read-only meant it.
    rustix::fs::access(target, Access::WRITE_OK)?;
    match put(target, Some(old), bytes) {
        Err(error) if cannot_replace(&error) => {
            let mut file = File::options().write(true).truncate(true).open(target)?;
            file.write_all(bytes)?;
            file.sync_all()
        }
        put => put,
    }
}

/// Says whether nothing can be put in the place of a file, which need not keep it from being written: its folder cannot
/// be written, it is mounted, it is one of the system's own or another user's.
fn cannot_replace(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::ResourceBusy
            | Kind::CrossesDevices
            | Kind::PermissionDenied
            | Kind::ReadOnlyFilesystem
            | Kind::NotFound
    )
}

/// Writes a file beside its place and puts it there.
fn put(target: &Path, old: Option<&Metadata>, bytes: &[u8]) -> io::Result<()> {
    let temporary = folder_of(target).join(temporary_name());
    let mode = if old.is_some() { 0o600 } else { NEW_MODE };
    let file = File::options().write(true).create_new(true).mode(mode).open(&temporary)?;
    let put = fill(file, old, bytes).and_then(|()| fs::rename(&temporary, target));
    if put.is_err()
        && let Err(error) = fs::remove_file(&temporary)
    {
        tracing::warn!(path = %temporary.display(), %error, "a temporary file stays");
    }
    put
}

fn fill(mut file: File, old: Option<&Metadata>, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)?;
    if let Some(old) = old {
        keep_owner(&file, old)?;
        // After the owner, whose change takes bits away.
        file.set_permissions(Permissions::from_mode(old.mode() & MODE_BITS))?;
    }
    file.sync_all()
}

fn keep_owner(file: &File, old: &Metadata) -> io::Result<()> {
    let new = file.metadata()?;
    if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
        rustix::fs::fchown(file, Some(Uid::from_raw(old.uid())), Some(Gid::from_raw(old.gid())))?;
    }
    Ok(())
}
