//! The names of all rollouts under one root, kept in memory and re-read only where a directory changed. Must not
//! open a rollout.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use uuid::Uuid;

use crate::file_name;
use crate::files::{self, FileVersion};

/// A directory changed this recently may change again without its time showing it (file systems with coarse
/// clocks), so what was read of it is not trusted next time.
const SETTLING: Duration = Duration::from_secs(2);

/// One directory's rollouts, newest first.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    files: Vec<FileEntry>,
}

#[derive(Debug)]
struct FileEntry {
    seconds: i64,
    id: Uuid,
    segment: Uuid,
    name: Box<str>,
}

impl FileEntry {
    /// Returns what is greater for the newer of two files of a thread. A segment's id tells when it began; the times
    /// of names are local ones, which go back with the clocks and on journeys.
    fn age(&self) -> (bool, Uuid, i64) {
        (self.segment != self.id, self.segment, self.seconds)
    }
}

/// All rollouts of a root at one moment.
#[derive(Debug, Default)]
pub(crate) struct Names {
    directories: Vec<Arc<Directory>>,
    /// The newest file of each thread, newest name first.
    order: Vec<At>,
    /// The other files, newest name first: what a thread was before it was reverted.
    older: Vec<At>,
}

#[derive(Clone, Copy, Debug)]
struct At {
    seconds: i64,
    id: Uuid,
    directory: u32,
    file: u32,
}

impl Names {
    /// Returns the number of threads.
    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    /// Returns the name's time (seconds, read as UTC) and thread id.
    pub(crate) fn key(&self, index: usize) -> (i64, Uuid) {
        let at = &self.order[index];
        (at.seconds, at.id)
    }

    pub(crate) fn path(&self, index: usize) -> PathBuf {
        self.path_at(&self.order[index])
    }

    /// Returns all files, those of the same thread included.
    pub(crate) fn paths(&self) -> impl Iterator<Item = PathBuf> {
        self.all().map(|at| self.path_at(at))
    }

    /// Returns the newest file of a thread.
    pub(crate) fn find(&self, id: Uuid) -> Option<PathBuf> {
        self.order.iter().find(|at| at.id == id).map(|at| self.path_at(at))
    }

    /// Returns the newest file of a segment.
    pub(crate) fn find_segment(&self, segment: Uuid) -> Option<PathBuf> {
        self.all().find(|at| self.file(at).segment == segment).map(|at| self.path_at(at))
    }

    /// Returns a thread's segments and the newest file of each, the newest segment first.
    pub(crate) fn segments(&self, id: Uuid) -> Vec<(Uuid, PathBuf)> {
        let mut found: Vec<&At> = self.all().filter(|at| at.id == id).collect();
        found.sort_by_key(|at| std::cmp::Reverse(self.file(at).age()));
        found.dedup_by_key(|at| self.file(at).segment);
        found.into_iter().map(|at| (self.file(at).segment, self.path_at(at))).collect()
    }

    fn all(&self) -> impl Iterator<Item = &At> {
        self.order.iter().chain(&self.older)
    }

    fn file(&self, at: &At) -> &FileEntry {
        &self.directories[at.directory as usize].files[at.file as usize]
    }

    fn path_at(&self, at: &At) -> PathBuf {
        self.directories[at.directory as usize].path.join(&*self.file(at).name)
    }

    fn of(directories: Vec<Arc<Directory>>) -> Self {
        let mut order = Vec::with_capacity(directories.iter().map(|directory| directory.files.len()).sum());
        for (directory, number) in directories.iter().zip(0..) {
            order.extend(directory.files.iter().zip(0..).map(|(file, index)| At {
                seconds: file.seconds,
                id: file.id,
                directory: number,
                file: index,
            }));
        }
        // Almost sorted already: days come newest first, and so do the files of each.
        order.sort_by_key(|at| std::cmp::Reverse((at.seconds, at.id)));
        let mut names = Self { directories, order, older: Vec::new() };
        names.set_older_apart();
        names
    }

    fn set_older_apart(&mut self) {
        let mut newest = HashMap::with_capacity(self.order.len());
        let mut is_older = vec![false; self.order.len()];
        for (index, at) in self.order.iter().enumerate() {
            match newest.entry(at.id) {
                Entry::Vacant(entry) => {
                    entry.insert(index);
                }
                Entry::Occupied(mut entry) => {
                    let is_newer = self.file(at).age() > self.file(&self.order[*entry.get()]).age();
                    is_older[if is_newer { entry.insert(index) } else { index }] = true;
                }
            }
        }
        let mut flags = is_older.into_iter();
        self.older = self.order.extract_if(.., |_| flags.next().unwrap_or_default()).collect();
    }
}

/// Follows the rollouts below a root.
#[derive(Debug)]
pub(crate) struct Catalog {
    root: Node,
    names: Arc<Names>,
}

impl Catalog {
    /// `depth` levels of numbered directories lie between the root and the rollouts.
    pub(crate) fn new(root: PathBuf, depth: usize) -> Self {
        Self { root: Node::new(root, depth), names: Arc::default() }
    }

    /// Returns the rollouts as of now. Costs one `stat` per directory when nothing changed.
    pub(crate) fn refresh(&mut self) -> io::Result<Arc<Names>> {
        if self.root.refresh()? {
            let mut directories = Vec::new();
            self.root.collect(&mut directories);
            self.names = Arc::new(Names::of(directories));
        }
        Ok(Arc::clone(&self.names))
    }
}

#[derive(Debug)]
struct Node {
    path: PathBuf,
    depth: usize,
    /// State at the last read; `None` when that cannot be trusted.
    version: Option<FileVersion>,
    content: Content,
}

#[derive(Debug)]
enum Content {
    /// By number, so that the newest come last.
    Levels(BTreeMap<u32, Node>),
    Files(Arc<Directory>),
}

impl Node {
    fn new(path: PathBuf, depth: usize) -> Self {
        let content = if depth > 0 {
            Content::Levels(BTreeMap::new())
        } else {
            Content::Files(Arc::new(Directory { path: path.clone(), files: Vec::new() }))
        };
        Self { path, depth, version: None, content }
    }

    /// Returns whether anything changed.
    fn refresh(&mut self) -> io::Result<bool> {
        let version = files::if_exists(FileVersion::read(&self.path))?;
        let mut changed = false;
        if version.is_none() || version != self.version {
            changed |= self.read()?;
            self.version = version.filter(is_settled);
        }
        if let Content::Levels(levels) = &mut self.content {
            for level in levels.values_mut() {
                changed |= level.refresh()?;
            }
        }
        Ok(changed)
    }

    fn read(&mut self) -> io::Result<bool> {
        let entries = match files::if_exists(fs::read_dir(&self.path))? {
            Some(entries) => entries.collect::<io::Result<Vec<_>>>()?,
            None => Vec::new(),
        };
        match &mut self.content {
            Content::Levels(levels) => {
                let before = levels.len();
                let found: BTreeMap<u32, OsString> = entries.iter().filter_map(numbered_directory).collect();
                levels.retain(|number, _| found.contains_key(number));
                let mut changed = levels.len() != before;
                for (number, name) in found {
                    levels.entry(number).or_insert_with(|| {
                        changed = true;
                        Self::new(self.path.join(name), self.depth - 1)
                    });
                }
                Ok(changed)
            }
            Content::Files(directory) => {
                let files = rollouts(&entries);
                let is_same = files.len() == directory.files.len()
                    && files.iter().zip(&directory.files).all(|(new, old)| new.name == old.name);
                if !is_same {
                    *directory = Arc::new(Directory { path: self.path.clone(), files });
                }
                Ok(!is_same)
            }
        }
    }

    fn collect(&self, into: &mut Vec<Arc<Directory>>) {
        match &self.content {
            Content::Levels(levels) => levels.values().rev().for_each(|level| level.collect(into)),
            Content::Files(directory) => into.push(Arc::clone(directory)),
        }
    }
}

fn is_settled(version: &FileVersion) -> bool {
    let changed = SystemTime::UNIX_EPOCH + Duration::from_nanos(version.mtime_ns.unsigned_abs());
    // A time in the future is not settled either.
    SystemTime::now().duration_since(changed).is_ok_and(|age| age > SETTLING)
}

fn numbered_directory(entry: &DirEntry) -> Option<(u32, OsString)> {
    let name = entry.file_name();
    let number = name.to_str()?;
    let number = number.bytes().all(|byte| byte.is_ascii_digit()).then(|| number.parse().ok())??;
    // A symbolic link is followed: histories are moved to other disks that way.
    is_directory(entry).then_some((number, name))
}

fn is_directory(entry: &DirEntry) -> bool {
    match entry.file_type() {
        Ok(kind) if kind.is_symlink() => fs::metadata(entry.path()).is_ok_and(|metadata| metadata.is_dir()),
        Ok(kind) => kind.is_dir(),
        Err(_) => false,
    }
}

/// Picks the rollouts, newest name first; the plain form hides a compressed one beside it.
fn rollouts(entries: &[DirEntry]) -> Vec<FileEntry> {
    let mut found: Vec<(FileEntry, bool)> = entries
        .iter()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let parsed = file_name::parse(&name)?;
            let file_name::Parsed { seconds, id, segment, .. } = parsed;
            let file = FileEntry { seconds, id, segment, name: name.into() };
            Some((file, parsed.compressed))
        })
        .collect();
    let key = |file: &FileEntry| (file.seconds, file.id, file.segment);
    found.sort_by(|(a, a_compressed), (b, b_compressed)| {
        key(b).cmp(&key(a)).then(a_compressed.cmp(b_compressed))
    });
    found.dedup_by(|(file, compressed), (before, _)| *compressed && key(file) == key(before));
    found.into_iter().map(|(file, _)| file).collect()
}

/// Returns the catalog of live threads.
pub(crate) fn live(codex_home: &Path) -> Catalog {
    Catalog::new(codex_home.join("sessions"), 3)
}

/// Returns the catalog of archived threads.
pub(crate) fn archived(codex_home: &Path) -> Catalog {
    Catalog::new(codex_home.join("archived_sessions"), 0)
}
