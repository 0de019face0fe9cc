//! Hides a file in a folder that shows everything else: the folder is replaced by one of our own, with the others mounted into it.
//!
//! Covering only the file would not last. Whoever owns it replaces it by a rename, and the kernel then removes the cover.

use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::fs::{CWD, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{MountFlags, mount};

use super::mounts::{attach, clone_tree};
use crate::sys::{self, READ_ONLY};

/// Folders with more in them are left as they are: each thing costs a mount.
const MAX_ENTRIES: usize = 256;

/// Something that stays visible.
enum Entry {
    Mount { name: CString, tree: OwnedFd, is_folder: bool },
    Link { name: CString, target: CString },
}

/// Hides `file` in `folder`, whether it exists or not. Returns whether that was done; not in a folder with very much in it.
pub(super) fn hide_in_folder(folder: &Path, file: &Path) -> rustix::io::Result<bool> {
    let Some(hidden) = file.file_name().and_then(|name| CString::new(name.as_bytes()).ok()) else {
        return Ok(false);
    };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let here = match rustix::fs::openat(CWD, folder, flags, Mode::empty()) {
        Err(Errno::NOENT | Errno::ACCESS) => return Ok(false),
        result => result?,
    };
    let Some(entries) = entries(&here, &hidden)? else { return Ok(false) };
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    mount(c"none", folder, c"tmpfs", flags, c"mode=755,size=1m")?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let there = rustix::fs::openat(CWD, folder, flags, Mode::empty())?;
    create(&there, &hidden)?;
    for entry in entries {
        show(&there, entry)?;
    }
    sys::mount_setattr(&there, c"", false, READ_ONLY, 0)
        .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::INVAL))?;
    Ok(true)
}

/// Returns everything in the folder but what is hidden; nothing if that is too much.
fn entries(folder: &OwnedFd, hidden: &CStr) -> rustix::io::Result<Option<Vec<Entry>>> {
    let mut entries = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") || name == hidden {
            continue;
        }
        if entries.len() == MAX_ENTRIES {
            return Ok(None);
        }
        match look(folder, name) {
            // It was temporary.
            Err(Errno::NOENT) => {}
            entry => entries.push(entry?),
        }
    }
    Ok(Some(entries))
}

fn look(folder: &OwnedFd, name: &CStr) -> rustix::io::Result<Entry> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let place = rustix::fs::openat(folder, name, flags, Mode::empty())?;
    let kind = FileType::from_raw_mode(rustix::fs::fstat(&place)?.st_mode);
    if kind == FileType::Symlink {
        let target = rustix::fs::readlinkat(folder, name, Vec::new())?;
        return Ok(Entry::Link { name: name.to_owned(), target });
    }
    Ok(Entry::Mount {
        name: name.to_owned(),
        tree: clone_tree(&place)?,
        is_folder: kind == FileType::Directory,
    })
}

fn show(folder: &OwnedFd, entry: Entry) -> rustix::io::Result<()> {
    match entry {
        Entry::Link { name, target } => rustix::fs::symlinkat(target, folder, name),
        Entry::Mount { name, tree, is_folder } => {
            if is_folder {
                rustix::fs::mkdirat(folder, &name, Mode::from_raw_mode(0o755))?;
            } else {
                create(folder, &name)?;
            }
            let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            attach(&tree, &rustix::fs::openat(folder, &name, flags, Mode::empty())?)
        }
    }
}

/// Makes an empty file that nobody may read.
fn create(folder: &OwnedFd, name: &CStr) -> rustix::io::Result<()> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDONLY | OFlags::CLOEXEC;
    rustix::fs::openat(folder, name, flags, Mode::empty()).map(drop)
}
