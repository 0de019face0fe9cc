//! Making, copying and removing folders.
//!
//! Whoever can write in the tree may swap a folder for a link at any moment, a command of the model's included. So every
//! name below the path of the request is looked up in the folder that is open, and no link is followed.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use app_server_protocol::v2::{
    FsCopyParams, FsCopyResponse, FsCreateDirectoryParams, FsCreateDirectoryResponse, FsRemoveParams,
    FsRemoveResponse,
};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, RawMode, Stat};
use rustix::io::Errno;

use super::{Entry, temporary_name};
use crate::error::CoreError;
use crate::services::Services;

/// How deep a tree may be: each level takes a descriptor or two.
const MAX_DEPTH: usize = 256;
/// How often a folder is gone through that others fill while it is removed.
const PASSES: usize = 5;
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// A folder in which only names are looked up.
#[cfg(target_os = "linux")]
const PLACE: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
#[cfg(not(target_os = "linux"))]
const PLACE: OFlags = FOLDER;
/// The bits of a mode that are copied.
const PERMISSIONS: RawMode = 0o777;

/// Answers `fs/createDirectory`.
///
/// # Errors
/// The system's, as for a file in its place.
pub fn create_directory(params: &FsCreateDirectoryParams) -> Result<FsCreateDirectoryResponse, CoreError> {
    if params.recursive.unwrap_or(true) {
        fs::create_dir_all(&params.path)?;
    } else {
        fs::create_dir(&params.path)?;
    }
    Ok(FsCreateDirectoryResponse {})
}

/// Answers `fs/remove`. A link is removed, never what it leads to.
///
/// # Errors
/// The root and the folders that the user's home is in are refused; the rest is the system's. What was removed before an
/// error stays removed.
pub fn remove(services: &Services, params: &FsRemoveParams) -> Result<FsRemoveResponse, CoreError> {
    remove_path(params, services.config.environment().home_dir())?;
    Ok(FsRemoveResponse {})
}

pub(super) fn remove_path(params: &FsRemoveParams, home: Option<&Path>) -> Result<(), CoreError> {
    let path = params.path.as_ref();
    let refused = || CoreError::Invalid(format!("fs/remove does not remove `{}`", path.display()));
    let found = match Found::at(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && params.force.unwrap_or(true) => {
            return Ok(());
        }
        found => found?.ok_or_else(refused)?,
    };
    if !found.is(FileType::Directory) {
        return unlink(found.folder.as_fd(), &found.entry.name);
    }
    let home = home.and_then(|home| fs::canonicalize(home).ok());
    if home.is_some_and(|home| home.starts_with(found.entry.path())) {
        return Err(refused());
    }
    if params.recursive.unwrap_or(true) {
        remove_folder(found.folder.as_fd(), &found.entry.name)
    } else {
        Ok(rustix::fs::unlinkat(&found.folder, &found.entry.name, AtFlags::REMOVEDIR)?)
    }
}

/// A name that there is.
struct Found {
    entry: Entry,
    /// The folder the name is in.
    folder: OwnedFd,
    stat: Stat,
}

impl Found {
    /// Nothing for the root.
    fn at(path: &Path) -> io::Result<Option<Self>> {
        let Some(entry) = Entry::of(path)? else { return Ok(None) };
        let folder = rustix::fs::open(&entry.folder, PLACE, Mode::empty())?;
        let stat = rustix::fs::statat(&folder, &entry.name, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(Some(Self { entry, folder, stat }))
    }

    fn is(&self, kind: FileType) -> bool {
        kind_of(&self.stat) == kind
    }
}

fn kind_of(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

/// Which of two folders it is, whatever its name.
#[allow(clippy::unnecessary_cast, reason = "the widths differ between systems")]
fn identity(stat: &Stat) -> (u64, u64) {
    (stat.st_dev as u64, stat.st_ino as u64)
}

fn too_deep() -> CoreError {
    CoreError::Internal(format!("folders are nested more than {MAX_DEPTH} deep"))
}

/// Reads the next name in a folder; nothing after the last.
fn next_name(folder: &mut Dir) -> Result<Option<(OsString, FileType)>, CoreError> {
    while let Some(entry) = folder.read() {
        let entry = entry?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name != "." && name != ".." {
            return Ok(Some((name.to_owned(), entry.file_type())));
        }
    }
    Ok(None)
}

/// Removes what is no folder. Somebody else may have done so.
fn unlink(folder: BorrowedFd<'_>, name: &OsStr) -> Result<(), CoreError> {
    match rustix::fs::unlinkat(folder, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// A folder that is being emptied.
struct Emptied {
    folder: Dir,
    /// In the folder above.
    name: OsString,
    passes: usize,
}

impl Emptied {
    /// Nothing when it is no folder any more; then it is removed.
    fn open(above: BorrowedFd<'_>, name: OsString) -> Result<Option<Self>, CoreError> {
        match rustix::fs::openat(above, &name, FOLDER, Mode::empty()) {
            Ok(folder) => Ok(Some(Self { folder: Dir::new(folder)?, name, passes: 1 })),
            Err(Errno::NOENT) => Ok(None),
            Err(Errno::LOOP | Errno::NOTDIR) => unlink(above, &name).map(|()| None),
            Err(error) => Err(error.into()),
        }
    }
}

fn remove_folder(place: BorrowedFd<'_>, name: &OsStr) -> Result<(), CoreError> {
    let mut open = Vec::from_iter(Emptied::open(place, name.to_owned())?);
    while let Some(mut innermost) = open.pop() {
        let Some((name, kind)) = next_name(&mut innermost.folder)? else {
            let above = open.last().map_or(Ok(place), |above: &Emptied| above.folder.fd())?;
            match rustix::fs::unlinkat(above, &innermost.name, AtFlags::REMOVEDIR) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(Errno::NOTEMPTY | Errno::EXIST) if innermost.passes < PASSES => {
                    innermost.passes += 1;
                    innermost.folder.rewind();
                    open.push(innermost);
                }
                Err(error) => return Err(error.into()),
            }
            continue;
        };
        let folder = innermost.folder.fd()?;
        let is_folder = kind == FileType::Directory
            || match rustix::fs::unlinkat(folder, &name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => false,
                // A folder, in the words of one system or the other.
                Err(Errno::ISDIR | Errno::PERM) => true,
                Err(error) => return Err(error.into()),
            };
        let inner = if is_folder { Emptied::open(folder, name)? } else { None };
        open.push(innermost);
        open.extend(inner);
        if open.len() > MAX_DEPTH {
            return Err(too_deep());
        }
    }
    Ok(())
}

/// Answers `fs/copy`. Links are copied as links, wherever they lead. A file or link at the destination is replaced, a
/// folder there gets what is in the other one besides what it has. Pipes, sockets and devices in a folder are passed over.
///
/// # Errors
/// A folder without `recursive`, a folder into itself, and what is neither file nor folder nor link are refused; the rest
/// is the system's. What was copied before an error stays.
pub fn copy(params: &FsCopyParams) -> Result<FsCopyResponse, CoreError> {
    let refused = |text: &str| CoreError::Invalid(format!("fs/copy {text}"));
    let source = Found::at(params.source_path.as_ref())?;
    let target = Entry::of(params.destination_path.as_ref())?;
    let (Some(source), Some(target)) = (source, target) else {
        return Err(refused("does not copy the root folder, nor to it"));
    };
    let target_folder = rustix::fs::open(&target.folder, PLACE, Mode::empty())?;
    let from = Name { folder: source.folder.as_fd(), name: &source.entry.name };
    let to = Name { folder: target_folder.as_fd(), name: &target.name };
    match kind_of(&source.stat) {
        FileType::RegularFile => copy_file(from, to)?,
        FileType::Symlink => copy_link(from, to)?,
        FileType::Directory if !params.recursive => {
            return Err(refused("requires recursive: true when sourcePath is a directory"));
        }
        FileType::Directory => {
            if target.path().starts_with(source.entry.path()) {
                return Err(into_itself());
            }
            copy_folder(from, to)?;
        }
        _ => return Err(refused("takes files, folders and links only")),
    }
    Ok(FsCopyResponse {})
}

fn into_itself() -> CoreError {
    CoreError::Invalid("fs/copy does not copy a folder into itself".to_owned())
}

#[derive(Clone, Copy)]
struct Name<'a> {
    folder: BorrowedFd<'a>,
    name: &'a OsStr,
}

impl Name<'_> {
    fn open(self, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        rustix::fs::openat(self.folder, self.name, flags, Mode::empty())
    }
}

/// Makes something under a name that there is not yet and puts it in its place.
fn put(to: Name<'_>, make: impl FnOnce(&OsStr) -> io::Result<()>) -> io::Result<()> {
    let temporary = temporary_name();
    let put =
        make(&temporary).and_then(|()| Ok(rustix::fs::renameat(to.folder, &temporary, to.folder, to.name)?));
    if put.is_err() {
        // It may not have been made.
        let _ = rustix::fs::unlinkat(to.folder, &temporary, AtFlags::empty());
    }
    put
}

fn copy_link(from: Name<'_>, to: Name<'_>) -> io::Result<()> {
    let target = rustix::fs::readlinkat(from.folder, from.name, Vec::new())?;
    put(to, |temporary| Ok(rustix::fs::symlinkat(&target, to.folder, temporary)?))
}

fn copy_file(from: Name<'_>, to: Name<'_>) -> io::Result<()> {
    // Nothing is waited for, whatever it has become since it was looked at.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let mut source = File::from(from.open(flags)?);
    let stat = rustix::fs::fstat(&source)?;
    if kind_of(&stat) != FileType::RegularFile {
        return Err(Errno::INVAL.into());
    }
    put(to, |temporary| {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let copy = rustix::fs::openat(to.folder, temporary, flags, Mode::from_raw_mode(0o600))?;
        let mut copy = File::from(copy);
        io::copy(&mut source, &mut copy)?;
        Ok(rustix::fs::fchmod(&copy, Mode::from_raw_mode(stat.st_mode & PERMISSIONS))?)
    })
}

/// A folder that is being copied.
struct Copied {
    source: Dir,
    target: OwnedFd,
    /// What the target's mode will be when it is filled; one that was there keeps its own.
    mode: Option<Mode>,
}

impl Copied {
    /// `outermost` is the first target, which must not be copied in its turn, however it is reached.
    fn open(from: Name<'_>, to: Name<'_>, outermost: Option<(u64, u64)>) -> Result<Self, CoreError> {
        let source = from.open(FOLDER)?;
        let stat = rustix::fs::fstat(&source)?;
        if outermost == Some(identity(&stat)) {
            return Err(into_itself());
        }
        let mode = Mode::from_raw_mode(stat.st_mode & PERMISSIONS);
        // It must be possible to fill it, whatever the source allows.
        let is_new = match rustix::fs::mkdirat(to.folder, to.name, Mode::from_raw_mode(0o700)) {
            Ok(()) => true,
            Err(Errno::EXIST) => false,
            Err(error) => return Err(error.into()),
        };
        let target = to.open(FOLDER)?;
        Ok(Self { source: Dir::new(source)?, target, mode: is_new.then_some(mode) })
    }
}

fn copy_folder(from: Name<'_>, to: Name<'_>) -> Result<(), CoreError> {
    let first = Copied::open(from, to, None)?;
    let outermost = identity(&rustix::fs::fstat(&first.target)?);
    let mut open = vec![first];
    while let Some(mut innermost) = open.pop() {
        let Some((name, _)) = next_name(&mut innermost.source)? else {
            if let Some(mode) = innermost.mode {
                rustix::fs::fchmod(&innermost.target, mode)?;
            }
            continue;
        };
        let from = Name { folder: innermost.source.fd()?, name: &name };
        let to = Name { folder: innermost.target.as_fd(), name: &name };
        let stat = rustix::fs::statat(from.folder, from.name, AtFlags::SYMLINK_NOFOLLOW)?;
        let mut inner = None;
        match kind_of(&stat) {
            FileType::Directory => inner = Some(Copied::open(from, to, Some(outermost))?),
            FileType::RegularFile => copy_file(from, to)?,
            FileType::Symlink => copy_link(from, to)?,
            _ => {}
        }
        open.push(innermost);
        open.extend(inner);
        if open.len() > MAX_DEPTH {
            return Err(too_deep());
        }
    }
    Ok(())
}
