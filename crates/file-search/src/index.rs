//! The names below some folders, kept up to date.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::walk::{self, Found, Nanos, Rules, Stamp, State};
use crate::{Kind, Stop};

/// As many names are kept; those beyond are not found.
const MAX_NAMES: usize = 2_000_000;
/// How often progress is told while folders are read for the first time.
const PROGRESS: Duration = Duration::from_millis(50);
/// Fewer folders are asked by one thread.
const WORTH_A_THREAD: usize = 500;
/// When more of the folders than one in so many have changed, reading all of them anew is quicker.
const MANY: usize = 8;
const FEW: usize = 32;
/// A folder that changed so shortly before it was read may have changed again within the same tick of the file system's
/// clock: a fine clock, and one that knows seconds only.
const TICK: Nanos = 50_000_000;
const COARSE_TICK: Nanos = 2_000_000_000;

/// The names below some folders, the roots.
#[derive(Debug)]
pub struct Index {
    /// Roots that were not looked at yet.
    given: Vec<(String, PathBuf)>,
    pub(crate) roots: Vec<Root>,
}

/// One of the folders that are searched.
#[derive(Debug)]
pub(crate) struct Root {
    /// As it was asked for.
    pub(crate) given: String,
    /// Links resolved.
    path: PathBuf,
    /// By their path relative to the root; the root itself has the empty one.
    pub(crate) folders: BTreeMap<OsString, Folder>,
    /// Other roots below this one, which have what is in them.
    pub(crate) inner: Vec<OsString>,
    /// The rules of the folders above.
    above: Vec<Option<Box<Rules>>>,
    names: usize,
    is_complete: bool,
}

/// What is directly in a folder.
#[derive(Debug, Default)]
pub(crate) struct Folder {
    /// Not there while only its content is known.
    state: Option<State>,
    is_link: bool,
    read_at: Nanos,
    /// All names, one behind the other; what is not UTF-8 is replaced.
    text: String,
    /// Where each ends and what it is.
    ends: Vec<(u32, Kind)>,
}

impl Folder {
    fn push(&mut self, name: &OsStr, kind: Kind) {
        self.text.push_str(&name.to_string_lossy());
        if let Ok(end) = u32::try_from(self.text.len()) {
            self.ends.push((end, kind));
        }
    }

    /// Returns the names and what they are.
    pub(crate) fn names(&self) -> impl Iterator<Item = (&str, Kind)> {
        let mut start = 0;
        self.ends.iter().map(move |(end, kind)| {
            let end = *end as usize;
            let name = &self.text[start..end];
            start = end;
            (name, *kind)
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }
}

/// What has become of a folder since it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    /// Names in it.
    Names,
    /// It is another folder, or none.
    Replaced,
    /// Rules in it, which hold below it.
    Rules,
}

impl Index {
    /// Begins an index of folders, each by the name it is known by and its absolute path. Nothing is read yet.
    #[must_use]
    pub fn new(roots: impl IntoIterator<Item = (String, PathBuf)>) -> Self {
        Self { given: roots.into_iter().collect(), roots: Vec::new() }
    }

    /// Looks where the roots are, the first time. One that is another one by a second name is left out.
    fn resolve(&mut self) {
        for (given, path) in std::mem::take(&mut self.given) {
            let path = fs::canonicalize(&path).unwrap_or(path);
            if self.roots.iter().all(|root| root.path != path) {
                self.roots.push(Root::new(given, path));
            }
        }
        let paths: Vec<_> = self.roots.iter().map(|root| root.path.clone()).collect();
        for root in &mut self.roots {
            let below = paths.iter().filter(|path| **path != root.path);
            let inner = below.filter_map(|path| path.strip_prefix(&root.path).ok());
            root.inner = inner.map(|path| path.as_os_str().to_owned()).collect();
        }
    }

    /// Returns how many names there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.roots.iter().map(|root| root.names).sum()
    }

    /// Says whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Brings the names up to date. While folders are read for the first time `progress` is called now and then with
    /// what there is. When it is stopped, what is missing is read the next time.
    pub fn refresh(&mut self, stop: &Stop, progress: &mut dyn FnMut(&Index)) {
        if !self.given.is_empty() {
            self.resolve();
        }
        for at in 0..self.roots.len() {
            if stop.is_stopped() {
                return;
            }
            if !self.roots[at].refresh(stop) {
                self.walk(at, stop, progress);
            }
        }
    }

    /// Reads a root from the beginning.
    fn walk(&mut self, at: usize, stop: &Stop, progress: &mut dyn FnMut(&Index)) {
        let path = self.roots[at].path.clone();
        self.roots[at].clear();
        let (read_at, mut told) = (walk::now(), Instant::now());
        walk::everything(&path, &path, stop, |batch| {
            self.roots[at].add(batch, read_at);
            if told.elapsed() >= PROGRESS {
                progress(self);
                told = Instant::now();
            }
        });
        let root = &mut self.roots[at];
        // One that is not there may come.
        root.is_complete = !stop.is_stopped() && root.folders.contains_key(OsStr::new(""));
        if root.names >= MAX_NAMES {
            tracing::warn!(root = root.given, "not all files of a folder can be searched");
        }
    }
}

impl Root {
    fn new(given: String, path: PathBuf) -> Self {
        Self {
            given,
            path,
            folders: BTreeMap::new(),
            inner: Vec::new(),
            above: Vec::new(),
            names: 0,
            is_complete: false,
        }
    }

    fn clear(&mut self) {
        self.folders.clear();
        self.names = 0;
        self.is_complete = false;
        self.above = rules_above(&self.path);
    }

    /// Reads what has changed; returns whether that was enough.
    fn refresh(&mut self, stop: &Stop) -> bool {
        if !self.is_complete || self.above != rules_above(&self.path) {
            return false;
        }
        let changed = self.changes(stop);
        let many = FEW.max(self.folders.len() / MANY);
        if changed.len() > many || changed.iter().any(|(_, change)| *change == Change::Rules) {
            return false;
        }
        changed.into_iter().all(|(key, change)| stop.is_stopped() || self.reread(&key, change, stop))
    }

    /// Asks all folders whether they have changed.
    fn changes(&self, stop: &Stop) -> Vec<(OsString, Change)> {
        let folders: Vec<_> = self.folders.iter().collect();
        let ask = |folders: &[(&OsString, &Folder)]| -> Vec<(OsString, Change)> {
            let changed = folders.iter().take_while(|_| !stop.is_stopped());
            changed
                .filter_map(|(key, folder)| {
                    let change = folder.change(&self.path.join(key))?;
                    Some(((*key).clone(), change))
                })
                .collect()
        };
        if folders.len() < WORTH_A_THREAD {
            return ask(&folders);
        }
        let (first, second) = folders.split_at(folders.len() / 2);
        std::thread::scope(|scope| {
            let first = scope.spawn(|| ask(first));
            let second = ask(second);
            // A thread that failed has seen changes everywhere.
            let mut changes = first.join().unwrap_or_else(|_| vec![(OsString::new(), Change::Rules)]);
            changes.extend(second);
            changes
        })
    }

    /// Reads one folder again, and folders in it that were not known. Returns whether nothing else is concerned.
    fn reread(&mut self, key: &OsStr, change: Change, stop: &Stop) -> bool {
        let path = self.path.join(key);
        if !self.folders.contains_key(key) {
            // It went with the folder it was in.
            return true;
        }
        if self.is_behind_link(key) {
            // Read by itself, it would get the rules of where it really is.
            return false;
        }
        let Ok(stamp) = Stamp::at(&path) else {
            // The root itself must be there; of other folders the one above tells more.
            self.remove(key);
            return !key.is_empty();
        };
        if change == Change::Replaced {
            return !key.is_empty() && self.walk_below(key, stop);
        }
        let rules = Rules::of(&path);
        let read_at = walk::now();
        let found = walk::folder(&self.path, &path);
        let known = self.direct_folders(key);
        let is_link = |key: &&OsString| self.folders.get(*key).is_some_and(|folder| folder.is_link);
        let links: Vec<OsString> = known.iter().filter(is_link).cloned().collect();
        let mut has_new_link = false;
        let Some(folder) = self.folders.get_mut(key) else {
            return true;
        };
        if folder.state.as_ref().is_none_or(|state| state.rules != rules) {
            return false;
        }
        self.names -= folder.len();
        *folder = Folder { state: Some(State { stamp, rules }), read_at, ..Folder::default() };
        let mut inner = Vec::new();
        for found in found {
            let kind = found.kind();
            folder.push(last_name(&found.path), kind);
            if kind == Kind::Directory {
                has_new_link |= found.is_link && !links.contains(&found.path);
                inner.push(found.path);
            }
        }
        self.names += folder.len();
        if has_new_link {
            return false;
        }
        for gone in known.iter().filter(|known| !inner.contains(known)) {
            self.remove(gone);
        }
        inner.into_iter().all(|inner| self.folders.contains_key(&inner) || self.walk_below(&inner, stop))
    }

    /// Reads a folder and everything below it from the beginning; its own name stays where it is. Returns whether it was
    /// read to the end.
    fn walk_below(&mut self, key: &OsStr, stop: &Stop) -> bool {
        self.remove(key);
        let (root, at, read_at) = (self.path.clone(), self.path.join(key), walk::now());
        walk::everything(&root, &at, stop, |batch| self.add_below(batch, read_at, key));
        self.is_complete = !stop.is_stopped();
        true
    }

    fn add(&mut self, batch: Vec<Found>, read_at: Nanos) {
        self.add_below(batch, read_at, OsStr::new(""));
    }

    /// Adds names; that of the topmost folder is known.
    fn add_below(&mut self, batch: Vec<Found>, read_at: Nanos, topmost: &OsStr) {
        for Found { path, is_link, folder } in batch {
            if self.names >= MAX_NAMES {
                return;
            }
            let kind = if folder.is_some() { Kind::Directory } else { Kind::File };
            if path != topmost {
                let (parent, name) = split(&path);
                match self.folders.get_mut(parent) {
                    Some(known) => known.push(name, kind),
                    None => self.folders.entry(parent.to_owned()).or_default().push(name, kind),
                }
                self.names += 1;
            }
            if folder.is_some() {
                let known = self.folders.entry(path).or_default();
                known.state = folder;
                known.is_link = is_link;
                known.read_at = read_at;
            }
        }
    }

    fn is_behind_link(&self, key: &OsStr) -> bool {
        let mut rest = key;
        loop {
            if self.folders.get(rest).is_some_and(|folder| folder.is_link) {
                return true;
            }
            if rest.is_empty() {
                return false;
            }
            rest = split(rest).0;
        }
    }

    /// Forgets a folder and everything below it.
    fn remove(&mut self, key: &OsStr) {
        for key in self.keys_below(key) {
            if let Some(folder) = self.folders.remove(&key) {
                self.names -= folder.len();
            }
        }
        if let Some(folder) = self.folders.remove(key) {
            self.names -= folder.len();
        }
    }

    fn keys_below(&self, key: &OsStr) -> Vec<OsString> {
        let start = below(key);
        let is_below = |other: &&OsString| other.as_bytes().starts_with(start.as_bytes());
        self.folders
            .range::<OsStr, _>((std::ops::Bound::Included(start.as_os_str()), std::ops::Bound::Unbounded))
            .map(|(key, _)| key)
            .take_while(is_below)
            .filter(|key| !key.is_empty())
            .cloned()
            .collect()
    }

    fn direct_folders(&self, key: &OsStr) -> Vec<OsString> {
        let start = below(key).len();
        let mut keys = self.keys_below(key);
        keys.retain(|key| !key.as_bytes()[start..].contains(&b'/'));
        keys
    }
}

impl Folder {
    fn change(&self, path: &Path) -> Option<Change> {
        let Some(State { stamp, rules }) = &self.state else {
            return Some(Change::Names);
        };
        let Ok(now) = Stamp::at(path) else {
            return Some(Change::Replaced);
        };
        if !now.is_same_file(*stamp) {
            return Some(Change::Replaced);
        }
        if rules.is_some() && *rules != Rules::of(path) {
            return Some(Change::Rules);
        }
        let tick = if now.modified % 1_000_000_000 == 0 { COARSE_TICK } else { TICK };
        (now.modified != stamp.modified || now.modified + tick >= self.read_at).then_some(Change::Names)
    }
}

/// How the paths begin of what is below a folder.
fn below(key: &OsStr) -> OsString {
    let mut start = key.to_owned();
    if !start.is_empty() {
        start.push("/");
    }
    start
}

/// Returns the folder and the name.
fn split(path: &OsStr) -> (&OsStr, &OsStr) {
    let bytes = path.as_bytes();
    match bytes.iter().rposition(|byte| *byte == b'/') {
        Some(at) => (OsStr::from_bytes(&bytes[..at]), OsStr::from_bytes(&bytes[at + 1..])),
        None => (OsStr::new(""), path),
    }
}

fn last_name(path: &OsStr) -> &OsStr {
    split(path).1
}

/// Rules in folders above hold too.
fn rules_above(path: &Path) -> Vec<Option<Box<Rules>>> {
    path.ancestors().skip(1).map(Rules::of).collect()
}
