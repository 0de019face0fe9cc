//! Writing on Unix: every name is looked up in an open folder, and no link is followed on the way to it.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rustix::fs::{self, Access, AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::{CommitError, CommitFailure, Step, temporary_name};
use crate::resolve::Found;

#[cfg(target_os = "linux")]
const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
#[cfg(not(target_os = "linux"))]
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Does `steps`, below `roots` if given.
pub(super) fn write(steps: &[Step<'_>], roots: Option<&[PathBuf]>) -> Result<(), CommitError> {
    let everything = [PathBuf::from("/")];
    let mut writer = Writer::new(roots.unwrap_or(&everything));
    let written = writer.write(steps);
    match written {
        Ok(()) => {
            writer.clean();
            Ok(())
        }
        Err(mut error) => {
            error.not_undone = writer.undo();
            Err(error)
        }
    }
}

type Folder = Rc<OwnedFd>;

/// Which of two files it is, whatever its name.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    #[allow(clippy::unnecessary_cast, reason = "the widths differ between systems")]
    fn of(stat: &Stat) -> Self {
        Self { device: stat.st_dev as u64, inode: stat.st_ino as u64 }
    }
}

/// A step whose folder is open, whose file was compared and whose new content stands beside it.
struct Prepared<'a> {
    step: &'a Step<'a>,
    folder: Folder,
    /// The file that was compared; `None` when there is none.
    before: Option<Identity>,
    temporary: Option<OsString>,
}

/// What takes a step back.
enum Undo {
    /// The name is new.
    Remove,
    /// The old file stands under this name.
    Restore(OsString),
}

struct Done {
    path: PathBuf,
    folder: Folder,
    name: OsString,
    undo: Undo,
}

pub(super) struct Writer<'a> {
    roots: &'a [PathBuf],
    folders: HashMap<PathBuf, Folder>,
    /// Folders made on the way, outermost first.
    made: Vec<(PathBuf, Folder, OsString)>,
    /// Files of ours that are in nobody's way: new ones not in place yet, old ones not needed any more.
    leftovers: Vec<(Folder, OsString)>,
    done: Vec<Done>,
    /// Whether folders are opened by one call of a recent Linux; else name by name, to the same effect.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "only Linux has such a call"))]
    pub(super) at_once: bool,
    /// Whether the system can swap two names.
    pub(super) swaps: bool,
}

impl<'a> Writer<'a> {
    pub(super) fn new(roots: &'a [PathBuf]) -> Self {
        Self {
            roots,
            folders: HashMap::new(),
            made: Vec::new(),
            leftovers: Vec::new(),
            done: Vec::new(),
            at_once: cfg!(target_os = "linux"),
            swaps: true,
        }
    }

    pub(super) fn write(&mut self, steps: &[Step<'_>]) -> Result<(), CommitError> {
        for step in steps {
            if self.root(step.folder).is_none() {
                return Err(step.error(CommitFailure::Outside));
            }
        }
        let prepared = steps
            .iter()
            .map(|step| self.prepare(step))
            .collect::<Result<Vec<Prepared<'_>>, CommitError>>()?;
        prepared.iter().try_for_each(|prepared| self.put(prepared))
    }

    /// Removes what stands beside the files; failing to is no reason to fail, everything is in place.
    pub(super) fn clean(&mut self) {
        let old = self.done.drain(..).filter_map(|done| match done.undo {
            Undo::Restore(name) => Some((done.folder, name)),
            Undo::Remove => None,
        });
        self.leftovers.extend(old);
        for (folder, name) in self.leftovers.drain(..) {
            match fs::unlinkat(&folder, &name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(error) => tracing::warn!(?name, %error, "a temporary file of a patch stays"),
            }
        }
    }

    /// Takes everything back, last first; returns what could not be.
    pub(super) fn undo(&mut self) -> Vec<PathBuf> {
        let mut failed = Vec::new();
        while let Some(done) = self.done.pop() {
            let undone = match &done.undo {
                Undo::Remove => fs::unlinkat(&done.folder, &done.name, AtFlags::empty()),
                Undo::Restore(old) => fs::renameat(&done.folder, old, &done.folder, &done.name),
            };
            if undone.is_err() {
                failed.push(done.path);
            }
        }
        self.clean();
        while let Some((path, folder, name)) = self.made.pop() {
            match fs::unlinkat(&folder, &name, AtFlags::REMOVEDIR) {
                // Somebody else has put something there: it is theirs now.
                Ok(()) | Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST) => {}
                Err(_) => failed.push(path),
            }
        }
        failed
    }

    /// The innermost root that `folder` is in.
    fn root(&self, folder: &Path) -> Option<&'a Path> {
        let within = self.roots.iter().filter(|root| folder.starts_with(root));
        within.max_by_key(|root| root.as_os_str().len()).map(PathBuf::as_path)
    }

    fn prepare<'s>(&mut self, step: &'s Step<'s>) -> Result<Prepared<'s>, CommitError> {
        let folder = match self.folder(step.folder, step.after.is_some()) {
            Ok(folder) => folder,
            // The path had no links when the patch was worked out.
            Err(Errno::LOOP | Errno::NOTDIR | Errno::XDEV) => return Err(step.error(CommitFailure::Changed)),
            Err(Errno::NOENT) if step.before.is_some() => return Err(step.error(CommitFailure::Changed)),
            Err(error) => return Err(step.failed(error.into())),
        };
        let before = match still_is(&folder, step.name, step.before) {
            Ok(Some(identity)) => identity,
            Ok(None) => return Err(step.error(CommitFailure::Changed)),
            Err(error) => return Err(step.failed(error)),
        };
        if before.is_some() && step.after.is_some() {
            // A rename asks the folder only; whoever made the file read-only meant it.
            let writable = fs::accessat(&folder, step.name, Access::WRITE_OK, AtFlags::empty());
            writable.map_err(|error| step.failed(error.into()))?;
        }
        let temporary = match step.after {
            Some(_) => Some(self.temporary(step, &folder).map_err(|error| step.failed(error))?),
            None => None,
        };
        Ok(Prepared { step, folder, before, temporary })
    }

    /// Opens a folder that has a root, and makes it when it is missing and wanted.
    fn folder(&mut self, path: &Path, make: bool) -> rustix::io::Result<Folder> {
        if let Some(folder) = self.folders.get(path) {
            return Ok(Rc::clone(folder));
        }
        let root = self.root(path).ok_or(Errno::XDEV)?;
        let folder = if path == root {
            self.open_root(root)?
        } else {
            match self.below_root(root, path)? {
                Some(folder) => folder,
                None => {
                    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
                        return Err(Errno::INVAL);
                    };
                    let parent = self.folder(parent, make)?;
                    self.below(&parent, path, name, make)?
                }
            }
        };
        let folder = Rc::new(folder);
        self.folders.insert(path.to_owned(), Rc::clone(&folder));
        Ok(folder)
    }

    /// Opens a root, of which every name was followed already: a link on the way is a new one.
    fn open_root(&mut self, root: &Path) -> rustix::io::Result<OwnedFd> {
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::ResolveFlags;
            if self.at_once {
                let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
                match fs::openat2(rustix::fs::CWD, root, FOLDER, Mode::empty(), resolve) {
                    Err(error) if cannot_at_once(error) => self.at_once = false,
                    opened => return opened,
                }
            }
            let mut folder = fs::open("/", FOLDER, Mode::empty())?;
            for name in root.iter().skip(1) {
                folder = fs::openat(&folder, name, FOLDER | OFlags::NOFOLLOW, Mode::empty())?;
            }
            Ok(folder)
        }
        // Elsewhere a folder must be readable to be opened, and those above the root need not be.
        #[cfg(not(target_os = "linux"))]
        fs::open(root, FOLDER | OFlags::NOFOLLOW, Mode::empty())
    }

    /// Opens a folder in one call, the kernel watching over every name on the way. `None` when it cannot be had this
    /// way: the kernel is too old or must not be asked, or the folder is missing.
    #[cfg(target_os = "linux")]
    fn below_root(&mut self, root: &Path, path: &Path) -> rustix::io::Result<Option<OwnedFd>> {
        use rustix::fs::ResolveFlags;
        if !self.at_once {
            return Ok(None);
        }
        let Ok(relative) = path.strip_prefix(root) else { return Err(Errno::XDEV) };
        let root = self.folder(root, false)?;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        match fs::openat2(&root, relative, FOLDER, Mode::empty(), resolve) {
            Ok(folder) => Ok(Some(folder)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) if cannot_at_once(error) => {
                self.at_once = false;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn below_root(&mut self, _: &Path, _: &Path) -> rustix::io::Result<Option<OwnedFd>> {
        Ok(None)
    }

    /// Opens one folder in another, and makes it when it is missing and wanted.
    fn below(
        &mut self,
        parent: &Folder,
        path: &Path,
        name: &OsStr,
        make: bool,
    ) -> rustix::io::Result<OwnedFd> {
        let open = || fs::openat(parent, name, FOLDER | OFlags::NOFOLLOW, Mode::empty());
        match open() {
            Err(Errno::NOENT) if make => {}
            opened => return opened,
        }
        match fs::mkdirat(parent, name, Mode::from_raw_mode(0o777)) {
            Ok(()) => self.made.push((path.to_owned(), Rc::clone(parent), name.to_owned())),
            Err(Errno::EXIST) => {}
            Err(error) => return Err(error),
        }
        open()
    }

    /// Writes the new content beside its place.
    fn temporary(&mut self, step: &Step<'_>, folder: &Folder) -> io::Result<OsString> {
        let Some(after) = step.after else { return Err(Errno::INVAL.into()) };
        let name = OsString::from(temporary_name());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let initial = if after.mode.is_some() { 0o600 } else { 0o666 };
        let mut file = File::from(fs::openat(folder, &name, flags, Mode::from_raw_mode(initial))?);
        self.leftovers.push((Rc::clone(folder), name.clone()));
        file.write_all(&after.content)?;
        keep_owner(&file, folder, step);
        if let Some(mode) = after.mode {
            fs::fchmod(&file, Mode::from_raw_mode(mode as fs::RawMode))?;
        }
        Ok(name)
    }

    fn put(&mut self, prepared: &Prepared<'_>) -> Result<(), CommitError> {
        let Prepared { step, folder, before, temporary } = prepared;
        let put = match (before, temporary) {
            (None, None) => Ok(true),
            (None, Some(new)) => self.create(folder, step, new),
            (Some(before), None) => self.remove(folder, step, *before),
            (Some(before), Some(new)) => self.replace(folder, step, *before, new),
        };
        step.check(put)
    }

    fn create(&mut self, folder: &Folder, step: &Step<'_>, new: &OsStr) -> io::Result<bool> {
        match rename_new(folder, new, step.name) {
            Ok(()) => {}
            Err(Errno::EXIST) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        self.done(folder, step, Undo::Remove);
        Ok(true)
    }

    fn remove(&mut self, folder: &Folder, step: &Step<'_>, before: Identity) -> io::Result<bool> {
        let old = OsString::from(temporary_name());
        fs::renameat(folder, step.name, folder, &old)?;
        self.done(folder, step, Undo::Restore(old.clone()));
        Ok(identity(folder, &old)? == before)
    }

    fn replace(
        &mut self,
        folder: &Folder,
        step: &Step<'_>,
        before: Identity,
        new: &OsStr,
    ) -> io::Result<bool> {
        if self.swaps {
            match swap(folder, new, step.name) {
                Ok(()) => {
                    self.done(folder, step, Undo::Restore(new.to_owned()));
                    return Ok(identity(folder, new)? == before);
                }
                Err(Errno::NOENT) => return Ok(false),
                Err(Errno::NOSYS | Errno::INVAL | Errno::NOTSUP | Errno::PERM) => self.swaps = false,
                Err(error) => return Err(error.into()),
            }
        }
        // The name is free for a moment, which is less than what an undo needs.
        Ok(self.remove(folder, step, before)? && {
            // The old file comes back by one rename, over the new one if that is there already.
            match rename_new(folder, new, step.name) {
                Ok(()) => true,
                Err(Errno::EXIST) => false,
                Err(error) => return Err(error.into()),
            }
        })
    }

    fn done(&mut self, folder: &Folder, step: &Step<'_>, undo: Undo) {
        self.done.push(Done {
            path: step.path.to_owned(),
            folder: Rc::clone(folder),
            name: step.name.to_owned(),
            undo,
        });
    }
}

/// Whether the call itself failed: the kernel does not know it, a filter forbids it, or it gave up in a race.
#[cfg(target_os = "linux")]
fn cannot_at_once(error: Errno) -> bool {
    matches!(error, Errno::NOSYS | Errno::PERM | Errno::INVAL | Errno::TOOBIG | Errno::AGAIN)
}

fn identity(folder: &Folder, name: &OsStr) -> rustix::io::Result<Identity> {
    Ok(Identity::of(&fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?))
}

/// Compares what stands under `name` with what did. `None`: it differs. `Some(None)`: there is nothing, as before.
fn still_is(folder: &Folder, name: &OsStr, before: Option<&Found>) -> io::Result<Option<Option<Identity>>> {
    let stat = match fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => stat,
        Err(Errno::NOENT) => return Ok(before.is_none().then_some(None)),
        Err(error) => return Err(error.into()),
    };
    let same = match (before, FileType::from_raw_mode(stat.st_mode)) {
        (Some(Found::Link(target)), FileType::Symlink) => {
            fs::readlinkat(folder, name, Vec::new())?.as_bytes() == target.as_os_str().as_bytes()
        }
        (Some(Found::File { content, .. }), FileType::RegularFile) => {
            return same_content(folder, name, content).map(|identity| identity.map(Some));
        }
        _ => false,
    };
    Ok(same.then(|| Some(Identity::of(&stat))))
}

fn same_content(folder: &Folder, name: &OsStr, content: &[u8]) -> io::Result<Option<Identity>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match fs::openat(folder, name, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::LOOP | Errno::NOENT | Errno::NXIO) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let stat = fs::fstat(&file)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Ok(None);
    }
    // One byte more, to notice a file that has grown.
    let mut now = Vec::with_capacity(content.len() + 1);
    (&file).take(content.len() as u64 + 1).read_to_end(&mut now)?;
    Ok((now == content).then(|| Identity::of(&stat)))
}

/// A new file belongs to whoever writes it; the old one's owner is kept where the system lets us, as root.
fn keep_owner(file: &File, folder: &Folder, step: &Step<'_>) {
    if !matches!(step.before, Some(Found::File { .. })) {
        return;
    }
    let Ok(old) = fs::statat(folder, step.name, AtFlags::SYMLINK_NOFOLLOW) else { return };
    let Ok(new) = fs::fstat(file) else { return };
    if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid) {
        let owner = fs::Uid::from_raw(old.st_uid);
        let group = fs::Gid::from_raw(old.st_gid);
        if let Err(error) = fs::fchown(file, Some(owner), Some(group)) {
            tracing::debug!(%error, path = %step.path.display(), "the owner of a patched file changes");
        }
    }
}

#[cfg(any(target_os = "linux", target_vendor = "apple"))]
fn swap(folder: &Folder, one: &OsStr, other: &OsStr) -> rustix::io::Result<()> {
    fs::renameat_with(folder, one, folder, other, fs::RenameFlags::EXCHANGE)
}

#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
fn swap(_: &Folder, _: &OsStr, _: &OsStr) -> rustix::io::Result<()> {
    Err(Errno::NOSYS)
}

/// Renames, and fails when the new name is taken.
fn rename_new(folder: &Folder, from: &OsStr, to: &OsStr) -> rustix::io::Result<()> {
    #[cfg(any(target_os = "linux", target_vendor = "apple"))]
    match fs::renameat_with(folder, from, folder, to, fs::RenameFlags::NOREPLACE) {
        Err(Errno::NOSYS | Errno::INVAL | Errno::NOTSUP) => {}
        renamed => return renamed,
    }
    // Where the system cannot promise it, looking first is the best there is.
    match fs::statat(folder, to, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => fs::renameat(folder, from, folder, to),
        Ok(_) => Err(Errno::EXIST),
        Err(error) => Err(error),
    }
}
