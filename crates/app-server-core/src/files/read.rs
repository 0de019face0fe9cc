//! What is in files and folders, and what a path is.

use std::fs::{self, File, FileType, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use app_server_protocol::v2::{
    FsGetMetadataParams, FsGetMetadataResponse, FsReadDirectoryEntry, FsReadDirectoryParams,
    FsReadDirectoryResponse, FsReadFileParams, FsReadFileResponse,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::fs::OFlags;

use super::{aside, not_a_file};
use crate::error::CoreError;
use crate::services::Services;

const MEBIBYTE: u64 = 1024 * 1024;
/// The largest file that is read, in mebibytes.
const MAX_FILE: u64 = 64;
/// How many mebibytes of files are on their way to the client at most.
pub(super) const MAX_READING: usize = MAX_FILE as usize;

/// Answers `fs/readFile`: at most 64 MiB. Readers of large files wait for each other and for a slow client, so that the
/// memory is that of one or two of them.
///
/// # Errors
/// What is not a file and what is too large are refused; the rest is the system's.
pub async fn read_file(
    services: Arc<Services>,
    params: FsReadFileParams,
) -> Result<FsReadFileResponse, CoreError> {
    let path = PathBuf::from(params.path.0);
    let (path, size) = aside(move || size(&path).map(|size| (path, size))).await?;
    let weight = u32::try_from(size.div_ceil(MEBIBYTE).clamp(1, MAX_FILE)).unwrap_or(u32::MAX);
    let permit = services.files.reading.acquire_many(weight).await;
    let _permit = permit.map_err(|error| CoreError::Internal(error.to_string()))?;
    services.host.drained().await;
    let data_base64 = aside(move || content(&path)).await?;
    Ok(FsReadFileResponse { data_base64 })
}

/// Looks at a file before it is opened: opening a device may do something, opening a pipe waits for its other end.
pub(super) fn size(path: &Path) -> Result<u64, CoreError> {
    let metadata = fs::metadata(path)?;
    check(path, &metadata)?;
    Ok(metadata.len())
}

fn check(path: &Path, metadata: &Metadata) -> Result<(), CoreError> {
    if !metadata.is_file() {
        return Err(not_a_file(path));
    }
    if metadata.len() > MAX_FILE * MEBIBYTE {
        return Err(too_large(path));
    }
    Ok(())
}

fn too_large(path: &Path) -> CoreError {
    CoreError::Invalid(format!("path `{}` is larger than {MAX_FILE} MiB", path.display()))
}

/// Reads a file to the end, in base64. What the size says is no more than a hint: the system's own files have none.
pub(super) fn content(path: &Path) -> Result<String, CoreError> {
    // Whatever it has become since it was looked at: nothing is waited for.
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = File::options().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    let metadata = file.metadata()?;
    check(path, &metadata)?;
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default());
    file.take(MAX_FILE * MEBIBYTE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE * MEBIBYTE {
        return Err(too_large(path));
    }
    Ok(STANDARD.encode(bytes))
}

/// Answers `fs/getMetadata`: of what a link leads to, and that it is a link.
///
/// # Errors
/// The system's, as when there is nothing.
pub fn get_metadata(params: &FsGetMetadataParams) -> Result<FsGetMetadataResponse, CoreError> {
    let path = params.path.as_ref();
    let is_symlink = fs::symlink_metadata(path)?.is_symlink();
    let metadata = fs::metadata(path)?;
    Ok(FsGetMetadataResponse {
        created_at_ms: milliseconds(&metadata.created()),
        is_directory: metadata.is_dir(),
        is_file: metadata.is_file(),
        is_symlink,
        modified_at_ms: milliseconds(&metadata.modified()),
    })
}

/// Unix milliseconds; 0 for what the file system does not know.
fn milliseconds(time: &io::Result<SystemTime>) -> i64 {
    let Ok(time) = time else { return 0 };
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |before| -before),
    }
}

/// Answers `fs/readDirectory`, in the order of the system. A link is what it leads to; one that leads nowhere is neither
/// file nor folder.
///
/// # Errors
/// The system's, as for what is no folder.
pub fn read_directory(params: &FsReadDirectoryParams) -> Result<FsReadDirectoryResponse, CoreError> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(&params.path)? {
        let entry = entry?;
        // It may have been removed meanwhile.
        let Ok(kind) = entry.file_type() else { continue };
        let kind = if kind.is_symlink() { target_type(&entry.path()) } else { Some(kind) };
        entries.push(FsReadDirectoryEntry {
            file_name: entry.file_name().to_string_lossy().into_owned(),
            is_directory: kind.is_some_and(|kind| kind.is_dir()),
            is_file: kind.is_some_and(|kind| kind.is_file()),
        });
    }
    Ok(FsReadDirectoryResponse { entries })
}

fn target_type(link: &Path) -> Option<FileType> {
    fs::metadata(link).ok().map(|metadata| metadata.file_type())
}
