//! What the patches of a turn changed in all, as git would print it. Must not know who made them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use sha1::{Digest as _, Sha1};

use crate::resolve::{self, Found};
use crate::unified;
use crate::verify::{ChangeKind, Verified};

/// Lines around a change, as git has it.
const CONTEXT: usize = 3;
/// What git writes for the id of no file.
const NO_ID: &str = "0000000000000000000000000000000000000000";

/// Compares the files that patches touched in a turn with what they were before. Files that only commands touch are
/// not looked at; what commands do to a file after a patch has touched it is seen.
#[derive(Debug)]
pub struct TurnDiff {
    /// Paths below it are shown relative to it: the git work tree, else the working folder.
    root: PathBuf,
    /// Real path to what was there before the first patch of the turn.
    baselines: BTreeMap<PathBuf, Side>,
    /// Target to origin of files that were moved, at the end of a chain of moves.
    moves: BTreeMap<PathBuf, PathBuf>,
    told: String,
}

impl TurnDiff {
    /// Begins a turn in the absolute folder `cwd`.
    #[must_use]
    pub fn new(cwd: &Path) -> Self {
        let cwd = fs::canonicalize(cwd).unwrap_or_else(|_| cwd.to_owned());
        let git = cwd.ancestors().find(|folder| folder.join(".git").exists());
        let root = git.unwrap_or(&cwd).to_owned();
        Self { root, baselines: BTreeMap::new(), moves: BTreeMap::new(), told: String::new() }
    }

    /// Remembers the files of a patch as they are; to be called before the patch is committed. Nothing is lost when
    /// the commit fails then.
    pub fn about_to_change(&mut self, verified: &Verified) {
        for path in verified.files.keys() {
            if !self.baselines.contains_key(path) {
                self.baselines.insert(path.clone(), Side::read(path));
            }
        }
        for change in &verified.changes {
            if let (ChangeKind::Update { .. }, Some(target)) = (&change.kind, &change.moved) {
                let origin = self.moves.remove(&change.real).unwrap_or_else(|| change.real.clone());
                self.moves.insert(target.real.clone(), origin);
            }
        }
    }

    /// Returns the difference between the remembered files and those on disk now; empty when there is none.
    pub fn text(&mut self) -> String {
        let now: BTreeMap<&Path, Side> =
            self.baselines.keys().map(|path| (path.as_path(), Side::read(path))).collect();
        let moved = |target: &Path| {
            let origin = self.moves.get(target)?.as_path();
            let gone = matches!(now.get(origin), Some(Side::Missing));
            let new = matches!(self.baselines.get(target), Some(Side::Missing));
            let known = self.baselines.get(origin).is_some_and(|side| !matches!(side, Side::Missing));
            let there = now.get(target).is_some_and(|side| !matches!(side, Side::Missing));
            (gone && new && known && there).then_some(origin)
        };
        let origins: BTreeMap<&Path, &Path> =
            self.moves.keys().filter_map(|target| Some((moved(target)?, target.as_path()))).collect();
        let mut files: Vec<(String, String)> = Vec::new();
        for (path, baseline) in &self.baselines {
            // The target's line of the pair says it all.
            if origins.contains_key(path.as_path()) {
                continue;
            }
            let origin = moved(path);
            let old = origin.and_then(|origin| self.baselines.get(origin)).unwrap_or(baseline);
            let Some(new) = now.get(path.as_path()) else { continue };
            let old_name = self.name(origin.unwrap_or(path));
            let new_name = self.name(path);
            let text = file_diff(&old_name, &new_name, old, new);
            files.push((old_name, text));
        }
        files.sort();
        files.into_iter().map(|(_, text)| text).collect()
    }

    /// Returns the difference when it is not what it was when last asked. A turn begins with an empty one.
    pub fn changed_text(&mut self) -> Option<String> {
        let text = self.text();
        if text == self.told {
            return None;
        }
        self.told.clone_from(&text);
        Some(text)
    }

    /// With `/` on every system, and never with one in front.
    fn name(&self, path: &Path) -> String {
        let relative = path.strip_prefix(&self.root).unwrap_or(path);
        let name = relative.to_string_lossy();
        let name = if cfg!(windows) { name.replace('\\', "/") } else { name.into_owned() };
        name.trim_start_matches('/').to_owned()
    }
}

/// A file before or after.
#[derive(Debug)]
enum Side {
    Missing,
    Text {
        text: String,
        id: String,
        mode: &'static str,
    },
    /// Not text, or too large to be shown.
    Binary {
        id: String,
        mode: &'static str,
    },
}

impl Side {
    /// What cannot be read is shown as missing: there is nothing else to be said of it.
    fn read(path: &Path) -> Self {
        let (bytes, mode) = match resolve::read(path) {
            Ok(Some(Found::File { content, mode })) => {
                (content, if mode & 0o111 == 0 { "100644" } else { "100755" })
            }
            Ok(Some(Found::Link(target))) => (target.to_string_lossy().into_owned().into_bytes(), "120000"),
            Ok(None) | Err(_) => return Self::Missing,
        };
        let id = blob_id(&bytes);
        match String::from_utf8(bytes) {
            Ok(text) => Self::Text { text, id, mode },
            Err(_) => Self::Binary { id, mode },
        }
    }

    fn id(&self) -> &str {
        match self {
            Self::Missing => NO_ID,
            Self::Text { id, .. } | Self::Binary { id, .. } => id,
        }
    }

    fn mode(&self) -> Option<&'static str> {
        match self {
            Self::Missing => None,
            Self::Text { mode, .. } | Self::Binary { mode, .. } => Some(mode),
        }
    }

    fn text(&self) -> Option<&str> {
        match self {
            Self::Missing => Some(""),
            Self::Text { text, .. } => Some(text),
            Self::Binary { .. } => None,
        }
    }
}

fn blob_id(content: &[u8]) -> String {
    let mut hash = Sha1::new();
    hash.update(format!("blob {}\0", content.len()));
    hash.update(content);
    hash.finalize().iter().fold(String::with_capacity(40), |mut id, byte| {
        // Writing to a string cannot fail.
        let _ = write!(id, "{byte:02x}");
        id
    })
}

/// Empty when both sides are the same file.
fn file_diff(old_name: &str, new_name: &str, old: &Side, new: &Side) -> String {
    let moved = old_name != new_name;
    if !moved && old.id() == new.id() && old.mode() == new.mode() {
        return String::new();
    }
    let old_path = quoted(&format!("a/{old_name}"));
    let new_path = quoted(&format!("b/{new_name}"));
    let mut text = format!("diff --git {old_path} {new_path}\n");
    match (old.mode(), new.mode()) {
        (None, Some(mode)) => text.push_str(&format!("new file mode {mode}\n")),
        (Some(mode), None) => text.push_str(&format!("deleted file mode {mode}\n")),
        (Some(old), Some(new)) if old != new => text.push_str(&format!("old mode {old}\nnew mode {new}\n")),
        _ => {}
    }
    if old.id() == new.id() {
        // Without hunks only these lines tell where it went.
        if moved {
            let (old, new) = (quoted(old_name), quoted(new_name));
            text.push_str(&format!("similarity index 100%\nrename from {old}\nrename to {new}\n"));
        }
        return text;
    }
    text.push_str(&format!("index {}..{}\n", old.id(), new.id()));
    let hunks = match (old.text(), new.text()) {
        (Some(old), Some(new)) => unified::hunks(old, new, CONTEXT),
        _ => "Binary files differ\n".to_owned(),
    };
    // An empty file comes and goes without hunks, and git writes no names then.
    if !hunks.is_empty() {
        let of =
            |side: &Side, path: String| if side.mode().is_some() { path } else { "/dev/null".to_owned() };
        text.push_str(&format!("--- {}\n+++ {}\n{hunks}", of(old, old_path), of(new, new_path)));
    }
    text
}

/// As git quotes a path that would not stay on its line.
fn quoted(path: &str) -> String {
    if !path.chars().any(|character| character.is_control() || matches!(character, '"' | '\\')) {
        return path.to_owned();
    }
    let mut text = String::from("\"");
    for character in path.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            '\r' => text.push_str("\\r"),
            character if character.is_control() => {
                for byte in character.to_string().bytes() {
                    let _ = write!(text, "\\{byte:03o}");
                }
            }
            character => text.push(character),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests;
