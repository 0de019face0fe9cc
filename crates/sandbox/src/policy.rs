//! What a confined command may do, as data. Knows nothing of how a system enforces it.

use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

/// What a confined command may write, reach and not read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// Folders that may be written; none at all means read-only.
    pub writable: Vec<WritableRoot>,
    /// Whether sockets beyond this process tree may be used.
    pub network: bool,
    /// Files and folders whose content is kept from the command, such as stored credentials.
    #[serde(default)]
    pub unreadable: Vec<PathBuf>,
    /// A folder into which something is moved that appeared under a forbidden name. Without one, or when it is on another file
    /// system, such a thing is renamed in place.
    #[serde(default)]
    pub quarantine: Option<PathBuf>,
}

/// A folder that may be written, with what stays protected in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WritableRoot {
    /// The real folder, without links on the way.
    pub path: PathBuf,
    /// What exists and may not be changed: `.git` (and where it points), `.codex`, `.agents`, `.git` of nested repositories.
    #[serde(default)]
    pub read_only: Vec<PathBuf>,
    /// What does not exist and may not be created. Watched for: keep to folders in which others make no such thing.
    #[serde(default)]
    pub forbidden: Vec<PathBuf>,
}

/// Links followed while finding out where a path leads; the kernel's own limit.
const MAX_LINKS: usize = 40;

impl Policy {
    /// Returns whether a patch may write `path` without asking: it lies in a writable root and in nothing protected, both as
    /// written and once links are followed. A file with a second name is refused, since that name may be anywhere.
    pub fn may_write(&self, path: &Path) -> bool {
        if !path.is_absolute() {
            return false;
        }
        let lexical = normalise(path);
        let places = [resolve(path), resolve(&lexical)];
        places.into_iter().all(|place| place.is_some_and(|place| self.allows(&place)))
            && !has_second_name(path)
    }

    /// Returns whether `real`, in which no links are left, is in a writable root and not protected.
    fn allows(&self, real: &Path) -> bool {
        let inside = self.writable.iter().any(|root| real.starts_with(&root.path));
        let protected = || self.writable.iter().flat_map(|root| root.read_only.iter().chain(&root.forbidden));
        inside && !protected().any(|path| is_within(real, path))
    }

    /// Returns the writable roots that do not lie in another one, shallow first.
    #[cfg(any(target_os = "linux", test))]
    pub(crate) fn outermost_roots(&self) -> Vec<&WritableRoot> {
        let mut roots: Vec<&WritableRoot> = Vec::new();
        let mut all: Vec<&WritableRoot> = self.writable.iter().collect();
        all.sort_by_key(|root| root.path.components().count());
        for root in all {
            if !roots.iter().any(|outer| root.path.starts_with(&outer.path)) {
                roots.push(root);
            }
        }
        roots
    }

    /// Returns the existing protected paths that lie in a writable root, each once, shallow first. The others need no protection.
    #[cfg(any(target_os = "linux", test))]
    pub(crate) fn protected(&self) -> Vec<&Path> {
        let mut paths: Vec<&Path> =
            self.writable.iter().flat_map(|root| &root.read_only).map(PathBuf::as_path).collect();
        paths.retain(|path| self.writable.iter().any(|root| path.starts_with(&root.path)));
        paths.sort_by_key(|path| (path.components().count(), *path));
        paths.dedup();
        paths
    }
}

/// Compares as the platform's usual file system does: without case on macOS, where `.GIT` is `.git`.
fn is_within(path: &Path, folder: &Path) -> bool {
    if !cfg!(target_os = "macos") {
        return path.starts_with(folder);
    }
    let mut parts = path.components();
    folder.components().all(|wanted| {
        parts.next().is_some_and(|part| part.as_os_str().eq_ignore_ascii_case(wanted.as_os_str()))
    })
}

/// Removes `.` and `..` as text, without looking at the disk.
pub(crate) fn normalise(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    clean
}

/// Returns where `path` leads once every link is followed, dangling ones too: writing through those creates their target. `None` if
/// that cannot be said: too many links, or `..` behind something that does not exist.
fn resolve(path: &Path) -> Option<PathBuf> {
    let mut rest: Vec<PathBuf> = vec![path.to_path_buf()];
    let mut place = PathBuf::new();
    let mut links = 0;
    while let Some(next) = rest.pop() {
        let mut components = next.components();
        let Some(component) = components.next() else { continue };
        rest.push(components.as_path().to_path_buf());
        match component {
            Component::Prefix(_) | Component::RootDir => place = PathBuf::from(component.as_os_str()),
            Component::CurDir => {}
            Component::ParentDir => {
                if std::fs::symlink_metadata(&place).is_err() {
                    return None;
                }
                place.pop();
            }
            Component::Normal(name) => {
                place.push(name);
                if let Ok(target) = std::fs::read_link(&place) {
                    links += 1;
                    if links > MAX_LINKS {
                        return None;
                    }
                    place.pop();
                    rest.push(target);
                }
            }
        }
    }
    Some(place)
}

fn has_second_name(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        std::fs::metadata(path).is_ok_and(|found| found.is_file() && found.nlink() > 1)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Tree {
        _folder: tempfile::TempDir,
        path: PathBuf,
        policy: Policy,
    }

    fn tree() -> Tree {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        for name in ["ws/sub/.git", "ws/.git", "out"] {
            std::fs::create_dir_all(path.join(name)).unwrap();
        }
        std::fs::write(path.join("out/file"), "x").unwrap();
        let ws = path.join("ws");
        let root = WritableRoot {
            path: ws.clone(),
            read_only: vec![ws.join(".git"), ws.join("sub/.git")],
            forbidden: vec![ws.join(".codex")],
        };
        let policy =
            Policy { writable: vec![root], network: false, unreadable: Vec::new(), quarantine: None };
        Tree { _folder: folder, path, policy }
    }

    #[cfg(unix)]
    #[test]
    fn writable_is_inside_a_root_by_every_reading() {
        use std::os::unix::fs::symlink;
        let tree = tree();
        symlink(tree.path.join("out"), tree.path.join("ws/dir-link")).unwrap();
        symlink(tree.path.join("out/file"), tree.path.join("ws/file-link")).unwrap();
        symlink(tree.path.join("out/new"), tree.path.join("ws/dangling")).unwrap();
        symlink("loop", tree.path.join("ws/loop")).unwrap();
        symlink(tree.path.join("ws"), tree.path.join("alias")).unwrap();
        std::fs::hard_link(tree.path.join("out/file"), tree.path.join("ws/hard")).unwrap();
        for (path, expected) in [
            ("ws/a", true),
            ("ws/deep/er/a", true),
            ("ws/sub/../a", true),
            ("alias/a", true),
            ("ws", true),
            ("ws/../out/a", false),
            ("ws/.git/config", false),
            ("ws/sub/.git/hooks/x", false),
            ("ws/sub/.codex/x", true),
            ("ws/.codex", false),
            ("ws/.codex/config.toml", false),
            ("ws/sub/../.git/config", false),
            ("ws/dir-link/a", false),
            ("ws/dir-link/../a", false),
            ("ws/file-link", false),
            ("ws/dangling", false),
            ("ws/loop", false),
            ("ws/hard", false),
            ("ws/missing/../../out/a", false),
            ("out/a", false),
            ("ws2", false),
        ] {
            assert_eq!(tree.policy.may_write(&tree.path.join(path)), expected, "{path}");
        }
        assert!(!tree.policy.may_write(Path::new("ws/a")), "relative");
    }

    #[test]
    fn a_root_inside_another_is_not_mounted_twice() {
        let mut tree = tree();
        let inner = WritableRoot {
            path: tree.path.join("ws/sub"),
            read_only: vec![tree.path.join("ws/sub/.git"), tree.path.join("elsewhere/.git")],
            forbidden: Vec::new(),
        };
        tree.policy.writable.insert(0, inner);
        let outer: Vec<_> = tree.policy.outermost_roots().iter().map(|root| root.path.clone()).collect();
        assert_eq!(outer, [tree.path.join("ws")]);
        assert_eq!(tree.policy.protected(), [tree.path.join("ws/.git"), tree.path.join("ws/sub/.git")]);
    }
}
