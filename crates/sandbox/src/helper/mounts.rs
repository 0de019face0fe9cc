//! The sandbox's view of the file system: everything read-only, writable roots put back, protected places inside them read-only again.
//!
//! Nothing is created on the host: what is mounted is the host's own folders, and mounts end with the sandbox.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;
use rustix::mount::{MountFlags, MoveMountFlags, OpenTreeFlags, mount, move_mount, open_tree};

use super::confined::SetupError;
use super::devices::{self, Terminal};
use super::mask;
use crate::request::shown;
use crate::sys::{self, READ_ONLY};
use crate::{Capabilities, Policy};

/// Builds the view and enters it.
pub(super) fn set_up(
    policy: &Policy,
    terminal: Option<&Terminal>,
    found: &mut Capabilities,
) -> Result<(), SetupError> {
    set(CWD, c"/", 0, libc::MS_PRIVATE).map_err(refused("cannot make mounts private"))?;
    let roots = clone_roots(policy)?;
    let shared_memory = policy.writable.iter().any(|root| root.path.starts_with(devices::SHARED_MEMORY));
    let devices = devices::Devices::take(terminal, shared_memory);
    let whole = roots.iter().any(|root| root.path == Path::new("/"));
    if !whole {
        set(CWD, c"/", READ_ONLY, 0).map_err(refused("cannot make mounts read-only"))?;
    }
    found.fresh_proc = devices::mount_proc();
    found.private_dev = devices.mount();
    for root in roots.iter().filter(|root| root.path != Path::new("/")) {
        root.attach()?;
    }
    for path in policy.protected() {
        protect(path)?;
    }
    // A name that has come to exist since the policy was made is protected like the others; the watch leaves it alone.
    for path in policy.writable.iter().flat_map(|root| &root.forbidden) {
        protect(path)?;
    }
    for path in &policy.unreadable {
        hide(path, policy, found.private_dev)?;
    }
    rustix::process::chdir("/").map_err(|error| failed("cannot enter the new mounts")(error.into()))
}

/// Takes an error of a step for the kernel's refusal if it may be one.
fn refused(what: &'static str) -> impl Fn(io::Error) -> SetupError {
    move |error| match error.raw_os_error() {
        // EINVAL: the root is no mount, as after chroot.
        Some(libc::ENOSYS | libc::EPERM | libc::EACCES | libc::EINVAL) => {
            SetupError::Refused(format!("{what}: {error}"))
        }
        _ => SetupError::Failed(format!("{what}: {error}")),
    }
}

fn failed(what: &'static str) -> impl Fn(io::Error) -> SetupError {
    move |error| SetupError::Failed(format!("{what}: {error}"))
}

fn at<'a>(what: &'a str, path: &'a Path) -> impl Fn(Errno) -> SetupError + 'a {
    move |error| match error {
        Errno::NOSYS | Errno::PERM => SetupError::Refused(format!("{what} {}: {error}", shown(path))),
        _ => SetupError::Failed(format!("{what} {}: {error}", shown(path))),
    }
}

fn set(folder: BorrowedFd<'_>, path: &CStr, attributes: u64, propagation: libc::c_ulong) -> io::Result<()> {
    sys::mount_setattr(folder, path, true, attributes, propagation)
}

/// A writable root: the folder as it is on the host, and its identity.
struct Root {
    path: PathBuf,
    tree: OwnedFd,
    identity: (u64, u64),
}

/// Copies the roots' mounts while they can still be written, shallow first. One that is gone is left out.
fn clone_roots(policy: &Policy) -> Result<Vec<Root>, SetupError> {
    let mut roots = Vec::new();
    for root in policy.outermost_roots() {
        let path = &root.path;
        let folder = match open(path) {
            Err(Errno::NOENT) => continue,
            result => result.map_err(at("cannot open the writable root", path))?,
        };
        let tree = clone_tree(&folder).map_err(at("cannot copy the mount of", path))?;
        let identity = identity(&folder).map_err(at("cannot look at", path))?;
        roots.push(Root { path: path.clone(), tree, identity });
    }
    Ok(roots)
}

impl Root {
    /// Puts the root back where it was, if that is still the same folder.
    fn attach(&self) -> Result<(), SetupError> {
        let place = open(&self.path).map_err(at("cannot open the writable root", &self.path))?;
        if identity(&place).map_err(at("cannot look at", &self.path))? != self.identity {
            return Err(SetupError::Failed(format!(
                "{} was replaced while the sandbox started",
                shown(&self.path)
            )));
        }
        attach(&self.tree, &place).map_err(at("cannot mount the writable root", &self.path))
    }
}

/// Makes something that exists read-only, links included: they are the thing itself, not what they point to.
fn protect(path: &Path) -> Result<(), SetupError> {
    let place = match open(path) {
        Err(Errno::NOENT | Errno::NOTDIR) => return Ok(()),
        result => result.map_err(at("cannot open", path))?,
    };
    let tree = clone_tree(&place).map_err(at("cannot copy the mount of", path))?;
    set(tree.as_fd(), c"", READ_ONLY, 0).map_err(failed("cannot protect a folder"))?;
    attach(&tree, &place).map_err(at("cannot protect", path))
}

/// Keeps the content of something from the command, now and when the file is replaced while the command runs.
fn hide(path: &Path, policy: &Policy, private_dev: bool) -> Result<(), SetupError> {
    let real = path.canonicalize().ok();
    let missing = || Some(path.parent()?.canonicalize().ok()?.join(path.file_name()?));
    let Some(file) = real.clone().or_else(missing) else { return Ok(()) };
    if let Some(folder) = file.parent().filter(|_| !file.is_dir()) {
        // What the command makes in a writable folder must appear there, so that only the file as it is can be covered.
        let is_writable = policy.writable.iter().any(|root| folder.starts_with(&root.path))
            && !policy.protected().iter().any(|path| folder.starts_with(path));
        if !is_writable && mask::hide_in_folder(folder, &file).map_err(at("cannot hide", &file))? {
            return Ok(());
        }
    }
    real.map_or(Ok(()), |path| cover(&path, private_dev))
}

/// Covers something with nothing. The kernel uncovers a file that is replaced by a rename.
fn cover(path: &Path, private_dev: bool) -> Result<(), SetupError> {
    let place = match open(path) {
        Err(Errno::NOENT | Errno::NOTDIR) => return Ok(()),
        result => result.map_err(at("cannot open", path))?,
    };
    let is_folder =
        status(&place).is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::Directory);
    if is_folder {
        let flags = MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV;
        return mount(c"none", path, c"tmpfs", flags, c"mode=000,size=4k").map_err(at("cannot cover", path));
    }
    let cover = if private_dev { Path::new(devices::COVER) } else { Path::new("/dev/null") };
    let tree =
        open(cover).and_then(|cover| clone_tree(&cover)).map_err(at("cannot copy the mount of", cover))?;
    attach(&tree, &place).map_err(at("cannot cover", path))
}

/// Opens a place without reading it and without following any link.
fn open(path: &Path) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS)
}

fn status(place: &OwnedFd) -> rustix::io::Result<Stat> {
    rustix::fs::fstat(place)
}

fn identity(place: &OwnedFd) -> rustix::io::Result<(u64, u64)> {
    let found = status(place)?;
    Ok((found.st_dev, found.st_ino))
}

/// Returns a copy of the mounts at a place, attached nowhere.
pub(super) fn clone_tree(place: impl AsFd) -> rustix::io::Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_RECURSIVE
        | OpenTreeFlags::AT_EMPTY_PATH;
    open_tree(place, c"", flags)
}

/// Mounts a copy made by [`clone_tree`] at a place.
pub(super) fn attach(tree: &OwnedFd, place: &OwnedFd) -> rustix::io::Result<()> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(tree, c"", place, c"", flags)
}
