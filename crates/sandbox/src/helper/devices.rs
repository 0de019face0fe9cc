//! A `/proc` of the sandbox's own processes and a `/dev` of harmless devices. Without them the sandbox still holds; it is reported.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, RawMode};
use rustix::mount::{MountFlags, mount};

use super::mounts::{attach, clone_tree};
use crate::sys::{self, READ_ONLY};

/// An empty file that nobody may read, below the private `/dev`.
pub(super) const COVER: &str = "/dev/.covered";
/// Private, unless a writable root lies in it.
pub(super) const SHARED_MEMORY: &str = "/dev/shm";

const NODES: [&CStr; 6] =
    [c"/dev/null", c"/dev/zero", c"/dev/full", c"/dev/random", c"/dev/urandom", c"/dev/tty"];
const LINKS: [(&CStr, &CStr); 5] = [
    (c"/proc/self/fd", c"/dev/fd"),
    (c"/proc/self/fd/0", c"/dev/stdin"),
    (c"/proc/self/fd/1", c"/dev/stdout"),
    (c"/proc/self/fd/2", c"/dev/stderr"),
    (c"pts/ptmx", c"/dev/ptmx"),
];

/// The command's terminal as the host's file, to be shown as the console: its own name is of no use inside.
pub(super) struct Terminal(OwnedFd);

impl Terminal {
    pub(super) fn of(stream: &OwnedFd) -> Option<Self> {
        let name = rustix::termios::ttyname(stream, Vec::new()).ok()?;
        open(&name).ok().map(Self)
    }
}

/// What the private `/dev` takes from the host's.
pub(super) struct Devices {
    trees: Vec<(&'static CStr, OwnedFd)>,
    shared_memory: Option<OwnedFd>,
}

impl Devices {
    /// Copies the mounts of the host's devices. Those that do not exist are left out.
    pub(super) fn take(terminal: Option<&Terminal>, shared_memory: bool) -> Self {
        let mut trees: Vec<(&CStr, OwnedFd)> =
            NODES.into_iter().filter_map(|path| Some((path, clone_tree(open(path).ok()?).ok()?))).collect();
        if let Some(tree) = terminal.and_then(|terminal| clone_tree(&terminal.0).ok()) {
            trees.push((c"/dev/console", tree));
        }
        let shared_memory = shared_memory.then(|| clone_tree(open(c"/dev/shm").ok()?).ok()).flatten();
        Self { trees, shared_memory }
    }

    /// Mounts the private `/dev`. Returns whether it is there with all that matters.
    pub(super) fn mount(self) -> bool {
        let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
        if self.trees.is_empty() || mount(c"tmpfs", c"/dev", c"tmpfs", flags, c"mode=755,size=64k").is_err() {
            return false;
        }
        let filled = self.fill();
        // The devices stay usable: read-only is about the folder.
        let closed = sys::mount_setattr(CWD, c"/dev", false, READ_ONLY, 0);
        filled.is_ok() && closed.is_ok()
    }

    fn fill(self) -> io::Result<()> {
        let everybody = sys::set_umask(0);
        for (path, tree) in self.trees {
            attach(&tree, &create(path, 0o666)?)?;
        }
        create(c"/dev/.covered", 0)?;
        for (target, path) in LINKS {
            rustix::fs::symlink(target, path)?;
        }
        rustix::fs::mkdir(c"/dev/shm", Mode::from_raw_mode(0o1777))?;
        match self.shared_memory {
            Some(tree) => {
                sys::mount_setattr(tree.as_fd(), c"", true, READ_ONLY, 0)?;
                attach(&tree, &open(c"/dev/shm")?)?;
            }
            None => {
                mount(c"tmpfs", c"/dev/shm", c"tmpfs", MountFlags::NOSUID | MountFlags::NODEV, c"mode=1777")?
            }
        }
        rustix::fs::mkdir(c"/dev/pts", Mode::from_raw_mode(0o755))?;
        let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
        mount(c"devpts", c"/dev/pts", c"devpts", flags, c"newinstance,ptmxmode=0666,mode=620")?;
        sys::set_umask(everybody);
        Ok(())
    }
}

fn create(path: &CStr, mode: RawMode) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDONLY | OFlags::CLOEXEC;
    rustix::fs::openat(CWD, path, flags, Mode::from_raw_mode(mode))
}

fn open(path: &CStr) -> rustix::io::Result<OwnedFd> {
    rustix::fs::openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
}

/// Mounts a `/proc` of this process namespace. Returns whether the kernel did.
pub(super) fn mount_proc() -> bool {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    if mount(c"proc", c"/proc", c"proc", flags, c"").is_err() {
        return false;
    }
    // Settings of the whole machine are written by user id, not by privilege, and root stays root in here. Nobody else may write any.
    if !rustix::process::geteuid().is_root() {
        return true;
    }
    match protect_settings() {
        Ok(()) => true,
        Err(_) => {
            // As it was before: the whole of it read-only.
            let _ = sys::mount_setattr(CWD, c"/proc", true, READ_ONLY, 0);
            false
        }
    }
}

/// Makes everything in `/proc` read-only that is not about a process.
fn protect_settings() -> io::Result<()> {
    let folder = rustix::fs::openat(
        CWD,
        c"/proc",
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    for entry in Dir::read_from(&folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_process = name.to_bytes().iter().all(|byte| byte.is_ascii_digit());
        if is_process || matches!(name.to_bytes(), b"." | b"..") || entry.file_type() == FileType::Symlink {
            continue;
        }
        if entry.file_type() != FileType::Directory
            && rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW)?.st_mode & 0o222 == 0
        {
            continue;
        }
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let place = rustix::fs::openat(&folder, name, flags, Mode::empty())?;
        let tree = clone_tree(&place)?;
        sys::mount_setattr(tree.as_fd(), c"", true, READ_ONLY, 0)?;
        attach(&tree, &place)?;
    }
    Ok(())
}
