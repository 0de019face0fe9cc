//! Checks of the tree that no compiler makes.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

/// Paths of machines must not get into the tree: what works only where it was written does not work.
const MACHINE_PATHS: &[&str] = &["/home/", "/Users/", "/root/", "C:\\Users\\"];

/// Files that show such paths on purpose: made-up conversations and files of tests.
const EXEMPT: &[&str] =
    &["/tests/", "/tests.rs", "Cargo.lock", "/schema/", "crates/xtask/src/tidy.rs", "LICENSE"];

/// Checks every tracked or new file.
pub(crate) fn check() -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let mut problems = Vec::new();
    for file in files(&root)? {
        let shown = file.to_string_lossy().into_owned();
        let Ok(text) = std::fs::read_to_string(root.join(&file)) else { continue };
        if !EXEMPT.iter().any(|exempt| format!("/{shown}").contains(exempt)) {
            machine_paths(&shown, &text, &root, &mut problems);
        }
        if shown.starts_with("crates/") && shown.ends_with(".rs") && !text.starts_with("//!") {
            problems.push(format!("{shown}: does not begin with what it is for (`//!`)"));
        }
    }
    if problems.is_empty() {
        println!("the tree is tidy");
        return Ok(());
    }
    bail!("{}", problems.join("\n"))
}

fn machine_paths(file: &str, text: &str, root: &Path, problems: &mut Vec<String>) {
    let own = root.to_string_lossy();
    for (number, line) in text.lines().enumerate() {
        if let Some(path) =
            MACHINE_PATHS.iter().copied().chain([own.as_ref()]).find(|path| line.contains(path))
        {
            problems.push(format!("{file}:{}: names a path of some machine ({path})", number + 1));
        }
    }
}

/// Tracked files and new ones that are not ignored.
fn files(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .current_dir(root)
        .output()
        .context("git is needed to know which files belong to the tree")?;
    let names = String::from_utf8(output.stdout)?;
    Ok(names.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from).collect())
}
