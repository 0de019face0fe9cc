//! Landlock: which files the command may use, whatever the mounts say, and whom it may signal.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags};

use crate::Policy;
use crate::sys::{self, LandlockAttributes};

// Rights, in the order in which versions of Landlock brought them.
const EXECUTE: u64 = 1;
const WRITE_FILE: u64 = 1 << 1;
const READ_FILE: u64 = 1 << 2;
const READ_DIR: u64 = 1 << 3;
/// Removing and making things: rights 4 to 12, without devices.
const MAKE: u64 = 0x1FF0 & !DEVICES;
/// Making device files, which nobody may.
const DEVICES: u64 = (1 << 6) | (1 << 11);
/// Moving and linking between folders; version 2.
const REFER: u64 = 1 << 13;
/// Version 3.
const TRUNCATE: u64 = 1 << 14;
/// Commands to devices; version 5.
const IOCTL: u64 = 1 << 15;
/// Binding and connecting TCP; version 4.
const TCP: u64 = 3;
/// Signals and abstract local sockets beyond the sandbox; version 6.
const SCOPES: u64 = 3;

/// Everything a file, as opposed to a folder, can be granted.
const ON_FILES: u64 = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL;

/// Harmless devices, for when `/dev` is the host's.
const DEVICE_FILES: [&str; 6] =
    ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"];

/// What the sandbox looks like when Landlock is applied.
pub(super) struct Surroundings<'a> {
    /// `/dev` has nothing in it but what the command may use.
    pub(super) private_dev: bool,
    /// `/proc` shows only the sandbox and its settings are read-only.
    pub(super) private_proc: bool,
    /// Files to be kept unread are covered by mounts.
    pub(super) covered: bool,
    /// The command's terminal.
    pub(super) terminal: Option<&'a OwnedFd>,
}

/// Returns the kernel's version, 0 without.
pub(super) fn version() -> u32 {
    sys::landlock_version().unwrap_or_default()
}

/// Puts this process and what it starts under the policy.
pub(super) fn restrict(policy: &Policy, version: u32, surroundings: &Surroundings<'_>) -> io::Result<()> {
    let handled = rights(version);
    let attributes =
        LandlockAttributes { files: handled, network: if policy.network { 0 } else { TCP }, scoped: SCOPES };
    let known = match version {
        0..=3 => 8,
        4 | 5 => 16,
        _ => 24,
    };
    let rules = Rules { ruleset: sys::landlock_ruleset(&attributes, known)?, handled };
    rules.reading(policy, surroundings.covered)?;
    for root in &policy.writable {
        // A root that is gone by now has nothing to be written.
        rules.allow(&root.path, handled & !DEVICES)?;
    }
    if surroundings.private_dev {
        rules.allow(Path::new("/dev"), handled & !DEVICES)?;
    } else {
        for path in DEVICE_FILES {
            rules.allow(Path::new(path), ON_FILES)?;
        }
    }
    if surroundings.private_proc {
        rules.allow(Path::new("/proc"), WRITE_FILE | TRUNCATE)?;
    }
    if let Some(terminal) = surroundings.terminal {
        rules.allow_here(terminal, ON_FILES)?;
    }
    sys::landlock_restrict(&rules.ruleset)
}

/// Returns the rights that a version knows.
fn rights(version: u32) -> u64 {
    let first = EXECUTE | WRITE_FILE | READ_FILE | READ_DIR | MAKE | DEVICES;
    [(2, REFER), (3, TRUNCATE), (5, IOCTL)]
        .into_iter()
        .filter(|(since, _)| version >= *since)
        .fold(first, |all, (_, right)| all | right)
}

struct Rules {
    ruleset: OwnedFd,
    handled: u64,
}

impl Rules {
    /// Allows reading everything, or everything but what the policy hides.
    fn reading(&self, policy: &Policy, covered: bool) -> io::Result<()> {
        let hidden: Vec<PathBuf> = if covered {
            Vec::new()
        } else {
            // What lies in a writable root can be moved out of the way of any rule, so that hiding it would only pretend.
            let inside = |path: &PathBuf| policy.writable.iter().any(|root| path.starts_with(&root.path));
            policy
                .unreadable
                .iter()
                .filter_map(|path| path.canonicalize().ok())
                .filter(|path| !inside(path))
                .collect()
        };
        if hidden.is_empty() {
            return self.allow(Path::new("/"), EXECUTE | READ_FILE | READ_DIR);
        }
        // Rules only add: the files are left out by allowing all their neighbours, and the neighbours of every folder above them.
        self.allow(Path::new("/"), EXECUTE | READ_DIR)?;
        self.reading_around(Path::new("/"), &hidden)
    }

    fn reading_around(&self, folder: &Path, hidden: &[PathBuf]) -> io::Result<()> {
        for entry in std::fs::read_dir(folder)?.flatten() {
            let path = entry.path();
            if hidden.contains(&path) || entry.file_type().is_ok_and(|kind| kind.is_symlink()) {
                continue;
            }
            if hidden.iter().any(|hidden| hidden.starts_with(&path)) {
                self.reading_around(&path, hidden)?;
            } else {
                self.allow(&path, READ_FILE)?;
            }
        }
        Ok(())
    }

    /// Allows `access` at a path that may be missing.
    fn allow(&self, path: &Path, access: u64) -> io::Result<()> {
        match rustix::fs::openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()) {
            Ok(place) => self.allow_here(&place, access),
            Err(rustix::io::Errno::NOENT | rustix::io::Errno::ACCESS) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn allow_here(&self, place: impl AsFd, access: u64) -> io::Result<()> {
        let mut access = access & self.handled;
        let found = rustix::fs::fstat(&place)?;
        if FileType::from_raw_mode(found.st_mode) != FileType::Directory {
            access &= ON_FILES;
        }
        match sys::landlock_allow(&self.ruleset, place, access) {
            // Something that only exists in the kernel, such as a file of /proc that is about to vanish.
            Err(error) if error.raw_os_error() == Some(libc::EBADFD) => Ok(()),
            result => result,
        }
    }
}
