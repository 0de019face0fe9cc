//! What clients recorded about threads after the fact, kept in `thread_metadata.jsonl`: one line per change, lines are
//! only appended. It is not in the rollouts because a list reads no more of them than their heads.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use crate::follow::{ById, Followed};
use crate::meta::{GitInfo, SessionMeta};

/// The changes of a home's threads, kept in memory and followed as the file grows, whoever appends to it.
#[derive(Debug)]
pub struct MetadataIndex(Followed<ById<GitChange>>);

/// What was changed of a thread's git state: `Some(None)` was cleared, `None` is as the rollout says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GitChange {
    /// The branch checked out.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub branch: Option<Option<String>>,
    /// The commit checked out.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub commit_hash: Option<Option<String>>,
    /// The URL of the remote.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub repository_url: Option<Option<String>>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    id: Uuid,
    #[serde(default)]
    git: GitChange,
    #[serde(default)]
    updated_at: String,
}

impl MetadataIndex {
    /// Returns the index of a home; nothing is read yet.
    pub fn new(codex_home: &Path) -> Self {
        Self(Followed::new(codex_home.join("thread_metadata.jsonl"), take))
    }

    /// Returns all changes as of now, each thread's taken together.
    ///
    /// # Errors
    /// The system's; an absent file has no changes.
    pub fn all(&self) -> io::Result<Arc<HashMap<Uuid, GitChange>>> {
        self.0.all()
    }

    /// Appends a change.
    ///
    /// # Errors
    /// The system's.
    pub fn set_git(&self, id: Uuid, change: GitChange) -> io::Result<()> {
        self.0.append(&Entry { id, git: change, updated_at: Timestamp::now().to_string() })
    }

    /// Returns the git state of a thread: what its rollout says, and what was changed since. A file of changes that
    /// cannot be read changes nothing.
    pub fn git_of(&self, meta: &SessionMeta) -> Option<GitInfo> {
        let changes = self.all_or_none();
        with_change(meta.git.clone(), changes.get(&meta.id))
    }

    /// As [`MetadataIndex::all`], with a warning in place of an error.
    pub(crate) fn all_or_none(&self) -> Arc<HashMap<Uuid, GitChange>> {
        self.all().unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot read the metadata of threads");
            Arc::default()
        })
    }
}

impl GitChange {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Lays a change over a git state. A state of which nothing is left is none.
pub(crate) fn with_change(git: Option<GitInfo>, change: Option<&GitChange>) -> Option<GitInfo> {
    let Some(change) = change else { return git };
    let mut git = git.unwrap_or_default();
    for (value, changed) in [
        (&mut git.branch, &change.branch),
        (&mut git.commit_hash, &change.commit_hash),
        (&mut git.repository_url, &change.repository_url),
    ] {
        if let Some(changed) = changed {
            value.clone_from(changed);
        }
    }
    (git != GitInfo::default()).then_some(git)
}

fn take(changes: &mut ById<GitChange>, line: &[u8]) {
    let Ok(Entry { id, git, .. }) = serde_json::from_slice(line) else { return };
    let known = changes.entry(id).or_default();
    known.branch = git.branch.or(known.branch.take());
    known.commit_hash = git.commit_hash.or(known.commit_hash.take());
    known.repository_url = git.repository_url.or(known.repository_url.take());
}

/// Tells null from nothing.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
