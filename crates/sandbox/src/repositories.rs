//! Finds repositories nested in a workspace, cheaply enough to look again before every command. Reads folders, nothing else.

use std::collections::{HashMap, HashSet, VecDeque};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// Folders looked at below one root, nearest first.
pub const MAX_DIRECTORIES: usize = 4096;
/// Levels looked at below one root.
pub const MAX_DEPTH: usize = 16;
/// Repositories protected below one root: each costs a mount.
pub const MAX_REPOSITORIES: usize = 128;

/// Folders remembered over all roots; beyond that everything is forgotten and read again.
const MAX_REMEMBERED: usize = 8 * MAX_DIRECTORIES;
/// A folder changed this recently may change again without its time moving on.
const UNSETTLED: Duration = Duration::from_millis(100);
/// Holds packages by the thousand and hardly a repository: looked at last.
const LOOKED_AT_LAST: &str = "node_modules";

/// Finds nested repositories and remembers folders by their time of change, so that a second look reads only what changed.
///
/// A look is bounded by [`MAX_DIRECTORIES`], [`MAX_DEPTH`] and [`MAX_REPOSITORIES`] and goes breadth first, so it is the
/// deep and late ones that are missed; [`RepositoryCache::incomplete`] says where that happened.
#[derive(Debug, Default)]
pub struct RepositoryCache {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    folders: HashMap<PathBuf, Folder>,
    incomplete: HashSet<PathBuf>,
}

#[derive(Debug, Clone)]
struct Folder {
    changed: Option<SystemTime>,
    has_git: bool,
    folders: Vec<OsString>,
}

impl RepositoryCache {
    /// Returns every `.git` found below `root`, the root's own left out.
    pub fn nested(&self, root: &Path) -> Vec<PathBuf> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.folders.len() > MAX_REMEMBERED {
            known.folders.clear();
        }
        let mut found = Vec::new();
        let mut complete = true;
        let mut seen = 0;
        let mut waiting = VecDeque::from([(root.to_path_buf(), 0)]);
        let mut last = VecDeque::new();
        while let Some((path, depth)) = waiting.pop_front().or_else(|| last.pop_front()) {
            if seen == MAX_DIRECTORIES || found.len() == MAX_REPOSITORIES {
                complete = false;
                break;
            }
            seen += 1;
            let Some(folder) = look(&path, &mut known.folders) else { continue };
            if depth == MAX_DEPTH {
                complete &= folder.folders.is_empty();
            } else {
                for name in &folder.folders {
                    let queue = if name == LOOKED_AT_LAST { &mut last } else { &mut waiting };
                    queue.push_back((path.join(name), depth + 1));
                }
            }
            if folder.has_git && depth > 0 {
                found.push(path.join(".git"));
            }
        }
        if complete {
            known.incomplete.remove(root);
        } else if known.incomplete.insert(root.to_path_buf()) {
            tracing::debug!(root = %root.display(), "more folders than are searched for nested repositories");
        }
        found
    }

    /// Returns the roots whose last look met a bound, so that repositories further down are not protected.
    pub fn incomplete(&self) -> Vec<PathBuf> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut roots: Vec<PathBuf> = known.incomplete.iter().cloned().collect();
        roots.sort();
        roots
    }
}

/// Returns what is in the folder `path`, from memory if it has not changed or has been made unreadable: a command may do that to have its
/// repositories forgotten. `None` if there is nothing to be known.
fn look<'a>(path: &Path, known: &'a mut HashMap<PathBuf, Folder>) -> Option<&'a Folder> {
    match read_if_changed(path, known.get(path)) {
        Ok(Some(folder)) => {
            known.insert(path.to_path_buf(), folder);
        }
        Ok(None) => {}
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
        Err(_) => return None,
    }
    known.get(path)
}

/// Returns nothing if what is remembered still holds.
fn read_if_changed(path: &Path, remembered: Option<&Folder>) -> io::Result<Option<Folder>> {
    let found = std::fs::symlink_metadata(path)?;
    if !found.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    let changed = found.modified().ok();
    if remembered.is_some_and(|folder| folder.changed.is_some() && folder.changed == changed) {
        return Ok(None);
    }
    read(path, changed).map(Some)
}

fn read(path: &Path, changed: Option<SystemTime>) -> io::Result<Folder> {
    let settled = changed.filter(|time| time.elapsed().is_ok_and(|age| age > UNSETTLED));
    let mut folder = Folder { changed: settled, has_git: false, folders: Vec::new() };
    for entry in std::fs::read_dir(path)?.flatten() {
        let name = entry.file_name();
        if name == ".git" {
            folder.has_git = true;
        } else if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            folder.folders.push(name);
        }
    }
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace(folders: &[&str]) -> (tempfile::TempDir, PathBuf) {
        let keep = tempfile::tempdir().unwrap();
        for folder in folders {
            std::fs::create_dir_all(keep.path().join(folder)).unwrap();
        }
        let path = keep.path().to_path_buf();
        (keep, path)
    }

    #[test]
    fn repositories_below_the_root_are_found_and_new_ones_too() {
        let (_keep, root) = workspace(&[".git/modules/x/.git", "a/.git", "b/c/.git", "node_modules/p/.git"]);
        std::fs::create_dir(root.join("module")).unwrap();
        std::fs::write(root.join("module/.git"), "gitdir: ../.git/modules/module").unwrap();
        let cache = RepositoryCache::default();
        let look = || {
            let mut found = cache.nested(&root);
            found.sort();
            found
        };
        let mut expected = vec![root.join("a/.git"), root.join("b/c/.git"), root.join("module/.git")];
        expected.push(root.join("node_modules/p/.git"));
        assert_eq!(look(), expected);
        assert_eq!(look(), expected);
        std::fs::create_dir_all(root.join("z/.git")).unwrap();
        expected.push(root.join("z/.git"));
        assert_eq!(look(), expected);
        assert_eq!(cache.incomplete(), Vec::<PathBuf>::new());
    }

    #[test]
    fn what_is_too_deep_is_reported() {
        let deepest = vec!["d"; MAX_DEPTH].join("/");
        let (_keep, root) = workspace(&[&format!("{deepest}/.git"), &format!("{deepest}/d/.git")]);
        let cache = RepositoryCache::default();
        assert_eq!(cache.nested(&root), [root.join(deepest).join(".git")]);
        assert_eq!(cache.incomplete(), [root]);
    }
}
