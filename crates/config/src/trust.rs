//! Which project folders are trusted, and what even a trusted one may not say. Trust comes from the user's own file
//! only, and holds for the content the folders had then; nothing here writes it.

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::roots;
use crate::trust_records::{FolderHasher, NO_FOLDER, TrustChange, TrustRecords};

/// What the user said about a project under `projects."<path>".trust_level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrustLevel {
    /// Its configuration layer counts, and commands may write in it by default.
    Trusted,
    /// Its configuration layer does not count.
    Untrusted,
}

/// Keys a project's own file never decides, whatever its trust: a checked-out repository must not redirect credentials,
/// run a program outside the sandbox, or extend its own trust (config.md section 1). Dropped from the layer.
const DENIED_IN_PROJECTS: &[&str] = &[
    "model_provider",
    "model_providers",
    "oss_provider",
    "openai_base_url",
    "chatgpt_base_url",
    "experimental_realtime_ws_base_url",
    "experimental_thread_store_endpoint",
    "notify",
    "profile",
    "profiles",
    "projects",
    "project_root_markers",
    "otel",
    "analytics",
    "feedback",
    "responses_api_metadata",
    "cli_auth_credentials_store",
    "forced_login_method",
    "forced_chatgpt_workspace_id",
    "mcp_oauth_credentials_store",
    "mcp_oauth_callback_port",
    "mcp_oauth_callback_url",
    "sqlite_home",
    "log_dir",
];

/// Removes the keys a project may not set and returns their names.
pub(crate) fn drop_denied(table: &mut Table) -> Vec<String> {
    let denied: Vec<String> =
        table.keys().filter(|key| DENIED_IN_PROJECTS.contains(&key.as_str())).cloned().collect();
    table.retain(|key, _| !DENIED_IN_PROJECTS.contains(&key));
    denied
}

/// What the user's table says about a folder, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The path under `projects`, as it is written there.
    pub(crate) path: String,
    pub(crate) level: TrustLevel,
    /// The place of the folder below what the entry is about.
    pub(crate) folder: String,
}

/// Returns what the user's table says about `dir`: its own entry, else that of the project root, else that of the main
/// repository of a work tree (config.md section 1).
pub(crate) fn entry_of(user: &Table, dir: &Path, project_root: &Path) -> Option<Entry> {
    let projects = user.get("projects").and_then(Value::as_table)?;
    let below = |(path, level)| {
        let folder = dir.strip_prefix(project_root).unwrap_or(Path::new("")).to_string_lossy().into_owned();
        Entry { path, level, folder }
    };
    entry(projects, dir)
        .map(|(path, level)| Entry { path, level, folder: String::new() })
        .or_else(|| entry(projects, project_root).map(below))
        .or_else(|| entry(projects, &roots::main_worktree_root(project_root)?).map(below))
}

/// Returns whether the user's table trusts the project with this very path.
pub(crate) fn is_trusted(user: &Table, path: &str) -> bool {
    user.get("projects").and_then(|projects| level_at(projects.as_table()?, path))
        == Some(TrustLevel::Trusted)
}

fn entry(projects: &Table, dir: &Path) -> Option<(String, TrustLevel)> {
    // People write the path they see; the client may send the one behind a symbolic link, or the other way round.
    let real = dir.canonicalize().ok();
    [Some(dir), real.as_deref()].into_iter().flatten().find_map(|path| {
        let path = path.to_str()?;
        Some((path.to_owned(), level_at(projects, path)?))
    })
}

fn level_at(projects: &Table, path: &str) -> Option<TrustLevel> {
    projects.get(path)?.get("trust_level")?.clone().try_into().ok()
}

/// What a look at the project folders of one load found.
pub(crate) struct Examiner<'a> {
    user: &'a Table,
    root: &'a Path,
    hasher: &'a FolderHasher,
    records: Arc<TrustRecords>,
    changes: Vec<TrustChange>,
}

/// Why the layer of a folder does not count.
pub(crate) struct Distrust {
    pub(crate) reason: String,
    /// The user trusts the project, but not what the folder holds now.
    pub(crate) has_changed: bool,
}

impl<'a> Examiner<'a> {
    pub(crate) fn new(
        user: &'a Table,
        root: &'a Path,
        hasher: &'a FolderHasher,
        records: Arc<TrustRecords>,
    ) -> Self {
        let forgotten = records.keys().filter(|path| !is_trusted(user, path));
        let changes = forgotten.map(|path| TrustChange::Forget { entry: path.clone() }).collect();
        Self { user, root, hasher, records, changes }
    }

    /// Decides whether what is in a project's folder counts: `None` when it does. `dir` is the folder that holds the
    /// `.codex` folder, which may be absent: a project is trusted as it is, and what comes later is not.
    pub(crate) fn examine(&mut self, dir: &Path, dot_codex_folder: &Path) -> Option<Distrust> {
        let project = dir.display();
        let distrust = |reason: String| Some(Distrust { reason, has_changed: false });
        let entry = match entry_of(self.user, dir, self.root) {
            Some(entry) if entry.level == TrustLevel::Trusted => entry,
            Some(_) => return distrust(format!("the project {project} is marked untrusted")),
            None => {
                return distrust(format!(
                    "the project {project} is not trusted; to trust it, set trust_level = \"trusted\" under \
                     [projects.\"{project}\"] in the user's config.toml"
                ));
            }
        };
        let changed = |what: &str| {
            let reason = format!(
                "the .codex folder of {project} {what}; to confirm what it holds now, set trust_level = \"trusted\" \
                 under [projects.\"{project}\"] again"
            );
            Some(Distrust { reason, has_changed: true })
        };
        let hash = match self.hasher.hash(dot_codex_folder) {
            Ok(hash) => hash,
            Err(reason) => return changed(&format!("cannot be trusted: {reason}")),
        };
        match self.records.get(&entry.path) {
            // The user's own file says so, and nobody has seen the project before: this is what it speaks of.
            None => {
                self.changes.push(TrustChange::Record { entry: entry.path, folder: entry.folder, hash });
                None
            }
            Some(folders) => match folders.get(&entry.folder) {
                Some(recorded) if *recorded == hash => None,
                _ if hash == NO_FOLDER => None,
                Some(_) => changed("has changed since it was trusted"),
                None => changed("has come since the project was trusted"),
            },
        }
    }

    /// What should be recorded now.
    pub(crate) fn into_changes(self) -> Vec<TrustChange> {
        self.changes
    }
}
