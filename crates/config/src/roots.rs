//! Walking up from a directory to the root of a project or of a git work tree. It runs no git and reads no
//! configuration.

use std::path::{Path, PathBuf};

/// Returns the nearest directory at or above `cwd` that holds `.git`, a folder or (in a linked work tree or submodule) a
/// file.
pub fn git_root(cwd: &Path) -> Option<&Path> {
    nearest_with(cwd, &[".git"])
}

/// Returns the root of the project `cwd` is in: the nearest directory holding one of `markers`; `cwd` itself when there
/// are no markers or none is found (config.md section 1).
pub fn project_root<'a, S: AsRef<str>>(cwd: &'a Path, markers: &[S]) -> &'a Path {
    nearest_with(cwd, markers).unwrap_or(cwd)
}

fn nearest_with<'a, S: AsRef<str>>(cwd: &'a Path, markers: &[S]) -> Option<&'a Path> {
    cwd.ancestors()
        .find(|dir| markers.iter().any(|marker| dir.join(marker.as_ref()).symlink_metadata().is_ok()))
}

/// Returns the main repository's root when `root` is a linked work tree of it, so that a work tree inherits the trust
/// of its repository. `None` for an ordinary repository and for submodules.
pub fn main_worktree_root(root: &Path) -> Option<PathBuf> {
    let pointer = std::fs::read_to_string(root.join(".git")).ok()?;
    let git_dir = root.join(pointer.strip_prefix("gitdir:")?.trim());
    // A linked work tree's folder is <main>/.git/worktrees/<name>.
    let worktrees = git_dir.parent()?;
    let dot_git = worktrees.parent()?;
    if worktrees.file_name()? != "worktrees" || dot_git.file_name()? != ".git" {
        return None;
    }
    // The pointer is a file of the checked-out folder and can say anything: only a repository that knows this work
    // tree may lend it its trust.
    let back = std::fs::read_to_string(git_dir.join("gitdir")).ok()?;
    let back = git_dir.join(back.trim());
    (back.canonicalize().ok()? == root.join(".git").canonicalize().ok()?)
        .then(|| dot_git.parent().map(Path::to_owned))?
}

/// Returns the directories from `root` down to `cwd`, both included. `root` must be `cwd` or above it.
pub fn chain(root: &Path, cwd: &Path) -> Vec<PathBuf> {
    let mut chain: Vec<PathBuf> =
        cwd.ancestors().take_while(|dir| dir.starts_with(root)).map(Path::to_owned).collect();
    chain.reverse();
    chain
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;
    use std::fs;

    #[test]
    fn roots_and_chain() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path();
        fs::create_dir_all(top.join("repo/a/b")).unwrap();
        fs::write(top.join("repo/.git"), "gitdir: elsewhere").unwrap();
        fs::write(top.join("repo/a/marker"), "").unwrap();
        let deep = top.join("repo/a/b");
        assert_eq!(git_root(&deep), Some(top.join("repo").as_path()));
        assert_eq!(project_root(&deep, &["marker"]), top.join("repo/a"));
        assert_eq!(project_root(&deep, &["absent-marker"]), deep);
        assert_eq!(project_root::<&str>(&deep, &[]), deep);
        assert_eq!(
            chain(&top.join("repo"), &deep),
            [top.join("repo"), top.join("repo/a"), top.join("repo/a/b")]
        );
    }

    #[test]
    fn a_work_tree_points_to_its_repository_only_if_known_there() {
        let dir = tempfile::tempdir().unwrap();
        let (main, tree, fake) = (dir.path().join("main"), dir.path().join("tree"), dir.path().join("fake"));
        let admin = main.join(".git/worktrees/tree");
        for path in [&admin, &tree, &fake] {
            fs::create_dir_all(path).unwrap();
        }
        let pointer = format!("gitdir: {}\n", admin.display());
        fs::write(tree.join(".git"), &pointer).unwrap();
        fs::write(fake.join(".git"), &pointer).unwrap();
        fs::write(admin.join("gitdir"), format!("{}\n", tree.join(".git").display())).unwrap();
        assert_eq!(main_worktree_root(&tree), Some(main.clone()));
        assert_eq!(main_worktree_root(&fake), None);
        assert_eq!(main_worktree_root(&main), None);
    }
}
