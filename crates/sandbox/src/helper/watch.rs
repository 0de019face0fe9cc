//! Names that may not appear in a writable root. Nothing in the kernel can forbid a name that does not exist without leaving something
//! in its place, so its appearance is noticed and undone.

use std::ffi::{OsStr, OsString};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::Timespec;
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, RenameFlags};

use crate::Policy;
use crate::request::shown;

/// How long a command runs before the kernel is asked to tell. Until then the folders are looked at: most commands end
/// before, and the kernel takes some fifteen milliseconds to take a watch down.
const LISTEN_AFTER: Duration = Duration::from_millis(100);
/// How often they are looked at until then, and after that if the kernel does not tell.
const LOOK_EVERY: [Timespec; 2] =
    [Timespec { tv_sec: 0, tv_nsec: 10_000_000 }, Timespec { tv_sec: 0, tv_nsec: 50_000_000 }];

/// The folders watched for one command.
pub(super) struct Watch {
    /// Missing at first, and when the user has too many already.
    events: Option<OwnedFd>,
    begun: Instant,
    has_listened: bool,
    folders: Vec<Folder>,
    quarantine: Option<PathBuf>,
}

struct Folder {
    path: PathBuf,
    /// The folder itself, whatever it is called later.
    place: OwnedFd,
    watch: Option<i32>,
    names: Vec<OsString>,
}

impl Watch {
    /// Begins to watch. Names that exist already are left out: there is nothing to be noticed about them.
    pub(super) fn new(policy: &Policy) -> Self {
        let mut folders = Vec::new();
        for root in &policy.writable {
            let own = root.forbidden.iter().filter(|path| path.parent() == Some(&root.path));
            let names: Vec<OsString> =
                own.filter_map(|path| path.file_name().map(OsStr::to_os_string)).collect();
            let open = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let Ok(place) = rustix::fs::openat(CWD, &root.path, open, Mode::empty()) else { continue };
            let mut folder = Folder { path: root.path.clone(), place, watch: None, names };
            let (_, missing) =
                std::mem::take(&mut folder.names).into_iter().partition(|name| folder.has(name));
            folder.names = missing;
            if !folder.names.is_empty() {
                folders.push(folder);
            }
        }
        Self {
            events: None,
            begun: Instant::now(),
            has_listened: false,
            folders,
            quarantine: policy.quarantine.clone(),
        }
    }

    /// Asks the kernel to tell, once the command has run for a while. To be called before a look, so that nothing falls between.
    fn listen_if_due(&mut self) {
        if self.has_listened || self.folders.is_empty() || self.begun.elapsed() < LISTEN_AFTER {
            return;
        }
        self.has_listened = true;
        let Ok(events) = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK) else { return };
        let what = WatchFlags::CREATE | WatchFlags::MOVED_TO | WatchFlags::ONLYDIR | WatchFlags::DONT_FOLLOW;
        for folder in &mut self.folders {
            folder.watch = inotify::add_watch(&events, &folder.path, what).ok();
        }
        self.events = Some(events);
    }

    /// Returns where events come from.
    pub(super) fn events(&self) -> Option<&OwnedFd> {
        self.events.as_ref().filter(|_| !self.folders.is_empty())
    }

    /// Returns how soon somebody must look because the kernel does not tell; `None` when it does.
    pub(super) fn look_within(&self) -> Option<&'static Timespec> {
        let is_untold = self.folders.iter().any(|folder| folder.watch.is_none());
        is_untold.then_some(&LOOK_EVERY[usize::from(self.has_listened)])
    }

    /// Returns what has appeared since the last call; once the kernel tells, even if it is gone again.
    pub(super) fn appeared(&mut self) -> Option<PathBuf> {
        self.listen_if_due();
        self.announced().or_else(|| self.present().map(|(folder, name)| folder.path.join(name)))
    }

    fn announced(&self) -> Option<PathBuf> {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(self.events()?, &mut buffer);
        let mut found = None;
        while let Ok(event) = reader.next() {
            if event.events().contains(ReadFlags::QUEUE_OVERFLOW) {
                continue;
            }
            let Some(name) = event.file_name().map(|name| OsStr::from_bytes(name.to_bytes())) else {
                continue;
            };
            let folder = self.folders.iter().find(|folder| folder.watch == Some(event.wd()));
            let folder = folder.filter(|folder| folder.names.iter().any(|forbidden| forbidden == name));
            if let Some(folder) = folder.filter(|folder| !folder.is_of_another_user(name)) {
                found = Some(folder.path.join(name));
            }
        }
        found
    }

    fn present(&self) -> Option<(&Folder, &OsString)> {
        self.folders
            .iter()
            .find_map(|folder| Some((folder, folder.names.iter().find(|name| folder.has(name))?)))
    }

    /// Moves away whatever is there under a forbidden name. To be called once nothing can put it back. Returns where it is now.
    pub(super) fn undo(&self) -> Vec<PathBuf> {
        let mut kept = Vec::new();
        for folder in &self.folders {
            for name in
                folder.names.iter().filter(|name| folder.has(name) && !folder.is_of_another_user(name))
            {
                kept.extend(folder.remove(name, self.quarantine.as_deref()));
            }
        }
        kept
    }
}

/// Says what happened.
pub(super) fn violation(path: &Path, kept: &[PathBuf]) -> String {
    let mut text = format!("{} may not be created in a writable root: the command was ended", shown(path));
    for path in kept {
        text.push_str(&format!(", what was there is now {}", shown(path)));
    }
    text
}

impl Folder {
    fn has(&self, name: &OsStr) -> bool {
        rustix::fs::statat(&self.place, name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    /// Returns whether something is there that a command of ours cannot have made.
    fn is_of_another_user(&self, name: &OsStr) -> bool {
        let found = rustix::fs::statat(&self.place, name, AtFlags::SYMLINK_NOFOLLOW);
        found.is_ok_and(|found| found.st_uid != rustix::process::geteuid().as_raw())
    }

    /// Removes an empty folder; anything else is kept under a name that means nothing, which is returned.
    fn remove(&self, name: &OsStr, quarantine: Option<&Path>) -> Option<PathBuf> {
        if rustix::fs::unlinkat(&self.place, name, AtFlags::REMOVEDIR).is_ok() {
            return None;
        }
        if let Some(quarantine) = quarantine {
            let _ = std::fs::create_dir_all(quarantine);
            let open = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            if let Ok(there) = rustix::fs::openat(CWD, quarantine, open, Mode::empty())
                && let Some(new) = self.rename(name, &there)
            {
                return Some(quarantine.join(new));
            }
        }
        Some(self.path.join(self.rename(name, &self.place)?))
    }

    fn rename(&self, name: &OsStr, to: &OwnedFd) -> Option<OsString> {
        (0..100).find_map(|number| {
            let mut new = name.to_os_string();
            new.push(format!(".blocked-{}-{number}", std::process::id()));
            rustix::fs::renameat_with(&self.place, name, to, &new, RenameFlags::NOREPLACE).ok()?;
            Some(new)
        })
    }
}
