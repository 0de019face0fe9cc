//! What people, clients and the model are told of a patch that was worked out. Reads nothing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::unified;
use crate::verify::{Change, ChangeKind, Verified};

/// A change as a file-change item shows it: the net effect on one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemChange {
    /// Absolute. For moves: where the file was.
    pub path: PathBuf,
    /// What happens to it.
    pub kind: ItemChangeKind,
    /// The whole text for adds and deletions, else hunks with one line of context and no file header; moves name
    /// the target below them.
    pub diff: String,
}

/// The kinds of [`ItemChange`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemChangeKind {
    /// The file is new, or replaced as a whole.
    Add,
    /// The file goes.
    Delete,
    /// The file changes.
    Update {
        /// Absolute, when it moves as well.
        move_path: Option<PathBuf>,
    },
}

impl Verified {
    /// Returns whether there is nothing to do: the patch has no operations.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Returns every absolute path written, deleted, moved from or to, sorted. Where a path leads through links the
    /// real one is there too, so that a policy which looks at all of them is not led astray by a link.
    #[must_use]
    pub fn touched(&self) -> Vec<&Path> {
        let mut paths: BTreeSet<&Path> = self.files.keys().map(PathBuf::as_path).collect();
        for change in &self.changes {
            paths.insert(&change.path);
            paths.insert(&change.real);
            if let ChangeKind::Update { move_to: Some(target), .. } = &change.kind {
                paths.insert(target);
            }
            paths.extend(change.moved.as_ref().map(|target| target.real.as_path()));
        }
        paths.into_iter().collect()
    }

    /// Returns what is told after success: a line for each operation with the path as in the patch, added files
    /// first, then modified, then deleted ones. A move shows its target.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut text = String::from("Success. Updated the following files:\n");
        for letter in ['A', 'M', 'D'] {
            for change in &self.changes {
                let (of, shown) = match &change.kind {
                    ChangeKind::Add { .. } => ('A', &change.shown),
                    ChangeKind::Delete { .. } => ('D', &change.shown),
                    ChangeKind::Update { .. } => {
                        ('M', change.moved.as_ref().map_or(&change.shown, |target| &target.shown))
                    }
                };
                if of == letter {
                    text.push(letter);
                    text.push(' ');
                    text.push_str(shown);
                    text.push('\n');
                }
            }
        }
        text
    }

    /// Returns the net effect on each file, sorted by path, as the file-change item has it.
    #[must_use]
    pub fn item_changes(&self) -> Vec<ItemChange> {
        let mut files: Vec<NetChange<'_>> = Vec::new();
        // Few patches name a file twice; the index keeps long ones from being quadratic.
        let mut at = std::collections::HashMap::<&Path, usize>::new();
        for change in &self.changes {
            let known = at.get(change.path.as_path()).copied();
            let index = known.unwrap_or_else(|| {
                files.push(NetChange::begin(change));
                files.len() - 1
            });
            let file = &mut files[index];
            if known.is_some() {
                file.operations += 1;
            }
            file.last = change;
            file.new = match &change.kind {
                ChangeKind::Add { content, .. } => Some(content),
                ChangeKind::Delete { .. } => None,
                ChangeKind::Update { new, .. } => Some(new),
            };
            at.insert(&change.path, index);
            if let ChangeKind::Update { move_to: Some(target), .. } = &change.kind {
                file.now = target;
                at.remove(change.path.as_path());
                if let Some(overwritten) = at.insert(target, index) {
                    // The text that was there is gone for good; one file, one change.
                    files[overwritten].new = None;
                    files[overwritten].superseded = true;
                }
            }
        }
        let mut items: Vec<ItemChange> = files.iter().filter_map(NetChange::item).collect();
        // As text, which is how both references order them: `a-b` comes before `a/b`.
        items.sort_by(|a, b| a.path.as_os_str().cmp(b.path.as_os_str()));
        items
    }
}

/// A file from before the patch to after it.
struct NetChange<'a> {
    origin: &'a Path,
    now: &'a Path,
    old: Option<&'a str>,
    new: Option<&'a str>,
    /// Begins with an add: shown as one even where it replaces a file.
    added: bool,
    last: &'a Change,
    operations: usize,
    superseded: bool,
}

impl<'a> NetChange<'a> {
    fn begin(change: &'a Change) -> Self {
        let (old, added) = match &change.kind {
            ChangeKind::Add { .. } => (None, true),
            ChangeKind::Delete { content } => (Some(content.as_str()), false),
            ChangeKind::Update { old, .. } => (Some(old.as_str()), false),
        };
        Self {
            origin: &change.path,
            now: &change.path,
            old,
            new: None,
            added,
            last: change,
            operations: 1,
            superseded: false,
        }
    }

    fn item(&self) -> Option<ItemChange> {
        let (path, kind, diff) = match (self.old, self.new) {
            _ if self.superseded => return None,
            (_, Some(new)) if self.added => (self.now, ItemChangeKind::Add, new.to_owned()),
            (None, _) => return None,
            (Some(old), None) => (self.origin, ItemChangeKind::Delete, old.to_owned()),
            (Some(old), Some(new)) => {
                let move_path = (self.now != self.origin).then(|| self.now.to_owned());
                let mut diff = match &self.last.kind {
                    ChangeKind::Update { unified_diff, .. } if self.operations == 1 => unified_diff.clone(),
                    _ => unified::hunks(old, new, 1),
                };
                if let Some(target) = &move_path {
                    diff.push_str(&format!("\n\nMoved to: {}", target.display()));
                }
                (self.origin, ItemChangeKind::Update { move_path }, diff)
            }
        };
        Some(ItemChange { path: path.to_owned(), kind, diff })
    }
}
