//! git's share of the known-safe list: read-only subcommands, with options that neither write nor run anything, in a
//! repository whose own settings run nothing either.

use std::fs;
use std::path::{Path, PathBuf};

use crate::place::Lookup;
use crate::safety::Doubt;
use crate::{git_config, git_index};

/// Global options that change nothing but how the output looks or whether the index is refreshed.
const GLOBAL: &[&str] = &["--no-pager", "--no-optional-locks", "--no-replace-objects"];

/// Options, by any abbreviation git takes, that write a file, start a program or look into another repository.
const REFUSED: &[&str] =
    &["--output", "--ext-diff", "--textconv", "--exec", "--help", "--show-signature", "--submodule"];

const BRANCH: &[&str] =
    &["--list", "-l", "--show-current", "-a", "--all", "-r", "--remotes", "-v", "-vv", "--verbose"];

/// A repository deeper than this within others is not looked for.
const MAX_NESTING: usize = 8;
const MAX_CONFIG: u64 = 1 << 20;
const MAX_INDEX: u64 = 64 << 20;

/// Judges the words after `git`. The folders are those the command may find itself in.
pub(crate) fn doubt(words: &[&str], folders: Option<&[PathBuf]>, lookup: &Lookup<'_>) -> Option<Doubt> {
    let globals = words.iter().take_while(|word| GLOBAL.contains(word)).count();
    let Some((subcommand, rest)) = words[globals..].split_first() else { return Some(Doubt::NotListed) };
    let doubt = match *subcommand {
        "status" | "log" | "diff" | "show" => {
            rest.iter().any(|word| is_refused(word)).then_some(Doubt::Option)
        }
        "branch" => rest.iter().any(|word| !is_listing(word)).then_some(Doubt::Option),
        word if word.starts_with('-') => Some(Doubt::Option),
        _ => Some(Doubt::NotListed),
    };
    doubt.or_else(|| {
        let harmless =
            folders.is_some_and(|folders| folders.iter().all(|folder| is_harmless(folder, lookup)));
        (!harmless).then_some(Doubt::Repository)
    })
}

fn is_refused(word: &str) -> bool {
    // A signature in a format is checked by the program that the settings name.
    if word.contains("%G") {
        return true;
    }
    let name = word.split('=').next().unwrap_or(word);
    name.len() > 2 && REFUSED.iter().any(|refused| refused.starts_with(name))
}

fn is_listing(word: &str) -> bool {
    // A format that reads a signature runs a program here too.
    BRANCH.contains(&word) || (word.starts_with("--format=") && !word.contains("signature"))
}

fn is_harmless(folder: &Path, lookup: &Lookup<'_>) -> bool {
    if let Some(known) = lookup.repositories.borrow().get(folder) {
        return *known;
    }
    let harmless = fs::canonicalize(folder).is_ok_and(|folder| {
        match find(&folder) {
            Found::Repository { git_dir, work_tree } => repository_is_harmless(&git_dir, &work_tree, 0),
            // There git only says that it found none.
            Found::Nothing => true,
            Found::Unclear => false,
        }
    });
    lookup.repositories.borrow_mut().insert(folder.to_owned(), harmless);
    harmless
}

enum Found {
    Repository { git_dir: PathBuf, work_tree: PathBuf },
    Nothing,
    Unclear,
}

fn find(folder: &Path) -> Found {
    for folder in folder.ancestors() {
        let dot_git = folder.join(".git");
        if fs::symlink_metadata(&dot_git).is_ok() {
            return match git_dir(&dot_git) {
                Some(git_dir) => Found::Repository { git_dir, work_tree: folder.to_owned() },
                None => Found::Unclear,
            };
        }
        // A folder of a project that looks like a bare repository is one to git, settings included.
        if folder.join("HEAD").exists() && (folder.join("objects").exists() || folder.join("refs").exists()) {
            return Found::Unclear;
        }
    }
    Found::Nothing
}

/// Follows `.git`, a folder or a file that names one. What git itself would pass over is not taken for a repository.
fn git_dir(dot_git: &Path) -> Option<PathBuf> {
    let folder = if fs::metadata(dot_git).ok()?.is_dir() {
        dot_git.to_owned()
    } else {
        let text = read(dot_git, MAX_CONFIG)?;
        let target = text.strip_prefix("gitdir:")?.trim_matches([' ', '\n', '\r']);
        dot_git.parent()?.join(target)
    };
    let shared = common_dir(&folder)?;
    (folder.join("HEAD").is_file() && shared.join("objects").is_dir() && shared.join("refs").is_dir())
        .then_some(folder)
}

/// A linked work tree shares most of its repository with the main one.
fn common_dir(git_dir: &Path) -> Option<PathBuf> {
    let pointer = git_dir.join("commondir");
    if fs::symlink_metadata(&pointer).is_err() {
        return Some(git_dir.to_owned());
    }
    let text = read(&pointer, MAX_CONFIG)?;
    Some(git_dir.join(text.trim_end_matches(['\n', '\r'])))
}

fn repository_is_harmless(git_dir: &Path, work_tree: &Path, depth: usize) -> bool {
    let Some(shared) = common_dir(git_dir) else { return false };
    let configs = [shared.join("config"), shared.join("config.worktree"), git_dir.join("config.worktree")];
    let harmless = |path: &PathBuf| {
        fs::symlink_metadata(path).is_err()
            || read(path, MAX_CONFIG).is_some_and(|text| git_config::is_harmless(&text, depth > 0))
    };
    // The only hook that reading can set off: it runs when the index was refreshed.
    let hook = [&shared, git_dir].iter().any(|dir| dir.join("hooks/post-index-change").exists());
    if hook || !configs.iter().all(harmless) {
        return false;
    }
    let index = git_dir.join("index");
    if fs::symlink_metadata(&index).is_err() {
        return true;
    }
    let Some(nested) = read_bytes(&index, MAX_INDEX).and_then(|bytes| git_index::nested(&bytes)) else {
        return false;
    };
    nested.iter().all(|path| {
        let folder = work_tree.join(path);
        let dot_git = folder.join(".git");
        if fs::symlink_metadata(&dot_git).is_err() {
            return true; // not checked out
        }
        depth < MAX_NESTING
            && self::git_dir(&dot_git).is_some_and(|dir| repository_is_harmless(&dir, &folder, depth + 1))
    })
}

fn read(path: &Path, limit: u64) -> Option<String> {
    String::from_utf8(read_bytes(path, limit)?).ok()
}

fn read_bytes(path: &Path, limit: u64) -> Option<Vec<u8>> {
    let meta = fs::metadata(path).ok()?;
    (meta.is_file() && meta.len() <= limit).then(|| fs::read(path).ok())?
}
