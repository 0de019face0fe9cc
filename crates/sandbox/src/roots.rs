//! The writable roots of a workspace and what is protected in them. Looks at the disk, changes nothing.

use std::path::{Component, Path, PathBuf};

use crate::policy::normalise;
use crate::{Policy, RepositoryCache, WritableRoot};

/// Names at the top of a writable root that a confined command may neither change nor create.
const OWN_NAMES: [&str; 2] = [".codex", ".agents"];
/// A pointer file is one line; what is longer is something else.
const MAX_POINTER_BYTES: u64 = 64 * 1024;

/// Where a workspace policy's writable roots come from.
#[derive(Debug, Clone, Copy)]
pub struct Roots<'a> {
    /// The folder the policy is for: the turn's, not the one a single command asks for.
    pub cwd: &'a Path,
    /// Further folders from the configuration or the client. Those that are missing or relative are left out.
    pub extra: &'a [PathBuf],
    /// `$TMPDIR` of the server.
    pub tmpdir: Option<&'a Path>,
    /// Leaves `/tmp` out.
    pub exclude_slash_tmp: bool,
    /// Leaves `tmpdir` out.
    pub exclude_tmpdir: bool,
}

/// Returns the policy under which nothing may be written.
pub fn read_only(network: bool) -> Policy {
    Policy { writable: Vec::new(), network, unreadable: Vec::new(), quarantine: None }
}

/// Returns the policy under which the workspace may be written. Blocks while it looks for nested repositories.
pub fn workspace_write(roots: &Roots<'_>, network: bool, repositories: &RepositoryCache) -> Policy {
    let slash_tmp = Some(Path::new("/tmp")).filter(|_| !roots.exclude_slash_tmp);
    let tmpdir = roots.tmpdir.filter(|_| !roots.exclude_tmpdir);
    let own = roots.extra.iter().map(PathBuf::as_path).chain([roots.cwd]).map(|path| (path, Kind::Workspace));
    let shared = slash_tmp.into_iter().chain(tmpdir).map(|path| (path, Kind::Temporary));
    let places: Vec<Place> = own.chain(shared).filter_map(|(path, kind)| Place::find(path, kind)).collect();
    let mut policy = read_only(network);
    for place in &places {
        // A link that a confined command could have planted must not make a root of where it points.
        let planted = place.links.iter().any(|link| {
            places.iter().any(|other| other.links.is_empty() && link.starts_with(&other.real))
                && !places.iter().any(|other| other.links.is_empty() && place.real.starts_with(&other.real))
        });
        if !planted && !policy.writable.iter().any(|root| root.path == place.real) {
            policy.writable.push(writable_root(place, repositories));
        }
    }
    policy
}

/// What a root is for.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Workspace,
    /// Shared with every other program of the machine: who made something there cannot be told, and nobody looks for settings in it.
    Temporary,
}

/// A folder, and the links that were met on the way to it.
struct Place {
    kind: Kind,
    real: PathBuf,
    links: Vec<PathBuf>,
}

impl Place {
    fn find(path: &Path, kind: Kind) -> Option<Self> {
        if !path.is_absolute() {
            return None;
        }
        let real = path.canonicalize().ok().filter(|real| real.is_dir())?;
        let links = if real == normalise(path) { Vec::new() } else { links_on(path) };
        Some(Self { kind, real, links })
    }
}

/// Returns the links on the way along `path`, each named by the real folder it lies in.
fn links_on(path: &Path) -> Vec<PathBuf> {
    let mut links = Vec::new();
    let mut waiting = vec![path.to_path_buf()];
    let mut place = PathBuf::new();
    while let Some(next) = waiting.pop() {
        let mut components = next.components();
        let Some(component) = components.next() else { continue };
        waiting.push(components.as_path().to_path_buf());
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                place.pop();
            }
            Component::Normal(name) => {
                place.push(name);
                if let Ok(target) = std::fs::read_link(&place) {
                    links.push(place.clone());
                    place.pop();
                    waiting.push(target);
                }
            }
            Component::RootDir | Component::Prefix(_) => place = PathBuf::from(component.as_os_str()),
        }
    }
    links
}

fn writable_root(place: &Place, repositories: &RepositoryCache) -> WritableRoot {
    let path = place.real.as_path();
    let mut root = WritableRoot { path: path.to_path_buf(), read_only: Vec::new(), forbidden: Vec::new() };
    protect_git(&path.join(".git"), &mut root.read_only);
    for name in OWN_NAMES {
        let path = path.join(name);
        if !protect(&path, &mut root.read_only) && place.kind == Kind::Workspace {
            root.forbidden.push(path);
        }
    }
    // Whatever other programs keep in a shared folder is not walked through for every command.
    if place.kind == Kind::Workspace {
        for git in repositories.nested(path) {
            protect_git(&git, &mut root.read_only);
        }
    }
    root
}

/// Adds `path` and, if it is a link, where it leads. Returns whether there is anything.
fn protect(path: &Path, into: &mut Vec<PathBuf>) -> bool {
    let Ok(found) = std::fs::symlink_metadata(path) else { return false };
    into.push(path.to_path_buf());
    if found.is_symlink()
        && let Ok(target) = path.canonicalize()
    {
        into.push(target);
    }
    true
}

/// Adds a `.git` folder, or a `.git` file and the folder it names: of a worktree or a submodule.
fn protect_git(path: &Path, into: &mut Vec<PathBuf>) {
    if protect(path, into)
        && let Some(target) = git_dir_of(path)
    {
        into.push(target);
    }
}

/// Returns the existing folder that the pointer file `path` names.
fn git_dir_of(path: &Path) -> Option<PathBuf> {
    let found = std::fs::metadata(path).ok()?;
    if !found.is_file() || found.len() > MAX_POINTER_BYTES {
        return None;
    }
    let text = std::fs::read_to_string(path).ok()?;
    let (_, target) = text.split_once(':')?;
    path.parent()?.join(target.trim()).canonicalize().ok()
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        (folder, path)
    }

    fn policy(cwd: &Path, extra: &[PathBuf], tmpdir: Option<&Path>) -> Policy {
        let roots = Roots { cwd, extra, tmpdir, exclude_slash_tmp: true, exclude_tmpdir: false };
        workspace_write(&roots, false, &RepositoryCache::default())
    }

    fn paths(policy: &Policy) -> Vec<PathBuf> {
        policy.writable.iter().map(|root| root.path.clone()).collect()
    }

    #[test]
    fn roots_come_in_order_without_missing_and_relative_ones() {
        let (_keep, base) = folder();
        for name in ["a", "b", "tmp"] {
            std::fs::create_dir(base.join(name)).unwrap();
        }
        let extra = [base.join("b"), base.join("missing"), PathBuf::from("relative"), base.join("a")];
        let tmp = base.join("tmp");
        let found = policy(&base.join("a"), &extra, Some(&tmp));
        assert_eq!(paths(&found), [base.join("b"), base.join("a"), tmp.clone()]);
        let roots = Roots {
            cwd: Path::new("relative"),
            extra: &[],
            tmpdir: Some(&tmp),
            exclude_slash_tmp: true,
            exclude_tmpdir: true,
        };
        assert_eq!(
            paths(&workspace_write(&roots, false, &RepositoryCache::default())),
            Vec::<PathBuf>::new()
        );
    }

    #[test]
    fn what_exists_is_read_only_and_what_is_missing_is_forbidden_but_for_git() {
        let (_keep, base) = folder();
        std::fs::create_dir(base.join(".agents")).unwrap();
        let found = policy(&base, &[], None);
        assert_eq!(found.writable[0].read_only, [base.join(".agents")]);
        assert_eq!(found.writable[0].forbidden, [base.join(".codex")]);
    }

    #[test]
    fn names_are_not_forbidden_where_other_programs_may_make_them() {
        let (_keep, base) = folder();
        for name in ["ws", "tmp/.agents"] {
            std::fs::create_dir_all(base.join(name)).unwrap();
        }
        let found = policy(&base.join("ws"), &[], Some(&base.join("tmp")));
        assert_eq!(found.writable[1].read_only, [base.join("tmp/.agents")]);
        assert_eq!(found.writable[1].forbidden, Vec::<PathBuf>::new());
        let found = policy(&base.join("tmp"), &[], Some(&base.join("tmp")));
        assert_eq!(found.writable[0].forbidden, [base.join("tmp/.codex")], "it is the workspace as well");
    }

    #[test]
    fn a_worktree_protects_its_pointer_and_what_it_points_to() {
        let (_keep, base) = folder();
        std::fs::create_dir_all(base.join("main/.git/worktrees/w")).unwrap();
        std::fs::create_dir(base.join("w")).unwrap();
        std::fs::write(base.join("w/.git"), "gitdir: ../main/.git/worktrees/w \n").unwrap();
        let found = policy(&base.join("w"), &[], None);
        assert_eq!(found.writable[0].read_only, [base.join("w/.git"), base.join("main/.git/worktrees/w")]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_planted_in_one_root_does_not_widen_another() {
        use std::os::unix::fs::symlink;
        let (_keep, base) = folder();
        for name in ["ws", "out", "real/inner"] {
            std::fs::create_dir_all(base.join(name)).unwrap();
        }
        symlink(base.join("out"), base.join("ws/extra")).unwrap();
        symlink(base.join("real"), base.join("alias")).unwrap();
        let found = policy(&base.join("ws"), &[base.join("ws/extra"), base.join("alias/inner")], None);
        assert_eq!(paths(&found), [base.join("real/inner"), base.join("ws")]);
    }
}
