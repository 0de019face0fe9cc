//! Branch, commit and remote of a checkout, read from its files: starting a thread must not wait for a program.

use std::path::{Path, PathBuf};

use app_server_config::roots::git_root;
use app_server_rollout::GitInfo;

/// Returns what is known of the checkout around `cwd`, or nothing outside of one.
pub(crate) fn info(cwd: &Path) -> Option<GitInfo> {
    let git_dir = git_dir(&git_root(cwd)?.join(".git"))?;
    // A worktree keeps its HEAD to itself and shares refs and configuration with the main checkout.
    let common_dir = match std::fs::read_to_string(git_dir.join("commondir")) {
        Ok(path) => git_dir.join(path.trim()),
        Err(_) => git_dir.clone(),
    };
    let head = std::fs::read_to_string(git_dir.join("HEAD")).ok()?;
    let head = head.trim();
    let (branch, commit_hash) = match head.strip_prefix("ref: ") {
        Some(reference) => {
            (reference.strip_prefix("refs/heads/").map(str::to_owned), resolve(&common_dir, reference))
        }
        None => (None, Some(head.to_owned())),
    };
    Some(GitInfo { commit_hash, branch, repository_url: origin_url(&common_dir.join("config")) })
}

/// `.git` is a folder, or a file that says where the folder is.
fn git_dir(dot_git: &Path) -> Option<PathBuf> {
    if dot_git.is_dir() {
        return Some(dot_git.to_owned());
    }
    let text = std::fs::read_to_string(dot_git).ok()?;
    let target = text.trim().strip_prefix("gitdir:")?.trim();
    Some(dot_git.parent()?.join(target))
}

fn resolve(common_dir: &Path, reference: &str) -> Option<String> {
    if let Ok(hash) = std::fs::read_to_string(common_dir.join(reference)) {
        return Some(hash.trim().to_owned());
    }
    let packed = std::fs::read_to_string(common_dir.join("packed-refs")).ok()?;
    packed.lines().find_map(|line| {
        let (hash, name) = line.split_once(' ')?;
        (name == reference).then(|| hash.to_owned())
    })
}

fn origin_url(config: &Path) -> Option<String> {
    let text = std::fs::read_to_string(config).ok()?;
    let mut in_origin = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            in_origin = line == r#"[remote "origin"]"#;
        } else if in_origin
            && let Some((key, value)) = line.split_once('=')
            && key.trim() == "url"
        {
            return Some(without_credentials(value.trim()));
        }
    }
    None
}

/// Leaves user and password out of a URL: the value is stored and shown.
fn without_credentials(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let authority_end = rest.find('/').unwrap_or(rest.len());
            let host_at = rest[..authority_end].rfind('@').map_or(0, |at| at + 1);
            format!("{scheme}://{}", &rest[host_at..])
        }
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, text: &str) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    #[test]
    fn a_branch_with_a_remote() {
        let dir = tempfile::tempdir().unwrap();
        write(&dir.path().join(".git/HEAD"), "ref: refs/heads/topic/a\n");
        write(&dir.path().join(".git/refs/heads/topic/a"), "0123456789abcdef\n");
        write(
            &dir.path().join(".git/config"),
            "[core]\n\tbare = false\n[remote \"origin\"]\n\turl = https://me:secret@example.com/a.git\n",
        );
        std::fs::create_dir_all(dir.path().join("sub")).unwrap();
        let expected = GitInfo {
            commit_hash: Some("0123456789abcdef".to_owned()),
            branch: Some("topic/a".to_owned()),
            repository_url: Some("https://example.com/a.git".to_owned()),
        };
        assert_eq!(info(&dir.path().join("sub")), Some(expected));
    }

    #[test]
    fn a_worktree_with_packed_refs() {
        let dir = tempfile::tempdir().unwrap();
        write(&dir.path().join("main/.git/packed-refs"), "# pack-refs\nfeed refs/heads/b\n");
        write(&dir.path().join("main/.git/worktrees/w/HEAD"), "ref: refs/heads/b\n");
        write(&dir.path().join("main/.git/worktrees/w/commondir"), "../..\n");
        write(&dir.path().join("w/.git"), "gitdir: ../main/.git/worktrees/w\n");
        let found = info(&dir.path().join("w")).unwrap();
        assert_eq!((found.branch.as_deref(), found.commit_hash.as_deref()), (Some("b"), Some("feed")));
    }

    #[test]
    fn nothing_outside_a_checkout_and_a_detached_head() {
        let dir = tempfile::tempdir().unwrap();
        write(&dir.path().join(".git/HEAD"), "cafe\n");
        assert_eq!(info(dir.path()).unwrap().commit_hash.as_deref(), Some("cafe"));
    }
}
