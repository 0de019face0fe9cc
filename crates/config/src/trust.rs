//! Which project folders are trusted, and what even a trusted one may not say. Trust comes from the user's own file
//! only; nothing here writes it.

use std::path::Path;

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::roots;

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

/// Returns what the user's table says about `dir`: its own entry, else that of the project root, else that of the main
/// repository of a work tree (config.md section 1).
pub fn level_of(user: &Table, dir: &Path, project_root: &Path) -> Option<TrustLevel> {
    let projects = user.get("projects").and_then(Value::as_table)?;
    entry(projects, dir)
        .or_else(|| entry(projects, project_root))
        .or_else(|| entry(projects, &roots::main_worktree_root(project_root)?))
}

fn entry(projects: &Table, dir: &Path) -> Option<TrustLevel> {
    // People write the path they see; the client may send the one behind a symbolic link, or the other way round.
    let real = dir.canonicalize().ok();
    [Some(dir), real.as_deref()].into_iter().flatten().find_map(|path| {
        let level = projects.get(path.to_str()?)?.get("trust_level")?;
        level.clone().try_into().ok()
    })
}

/// Decides whether the layer of `dot_codex_folder` counts: `None` when it does, else the reason shown as
/// `disabledReason`.
///
/// This is the one place for the decision: the comparison of the folder's content with what the user agreed to
/// (decisions.md) goes here.
pub(crate) fn disabled_reason(level: Option<TrustLevel>, dot_codex_folder: &Path) -> Option<String> {
    let project = dot_codex_folder.parent().unwrap_or(dot_codex_folder).display();
    match level {
        Some(TrustLevel::Trusted) => None,
        Some(TrustLevel::Untrusted) => Some(format!("the project {project} is marked untrusted")),
        None => Some(format!(
            "the project {project} is not trusted; to trust it, set trust_level = \"trusted\" under \
             [projects.\"{project}\"] in the user's config.toml"
        )),
    }
}
