//! A stored thread as the wire shows it, from the head of its file.

use std::path::Path;

use app_server_protocol::v2::{
    AbsolutePathBuf, AgentPath, GitInfo, ReasoningEffort, SessionSource, SubAgentSource, Thread,
    ThreadHistoryMode, ThreadId, ThreadSource, ThreadStatus,
};
use app_server_rollout::{Header, HistoryMode, SessionMeta, Source};
use serde_json::Value;

use super::sections;

/// The provider of a thread whose file names none: the product's default one.
const DEFAULT_PROVIDER: &str = "openai";

/// Returns the thread of a header: not loaded, without turns.
pub(super) fn thread(header: &Header) -> Thread {
    Thread {
        preview: header.preview.clone().unwrap_or_default(),
        created_at: header.created_at,
        updated_at: header.updated_at,
        recency_at: Some(header.recency_at),
        name: header.name.clone(),
        model: header.model.clone(),
        reasoning_effort: header.effort.clone().map(ReasoningEffort),
        section: header.placement.as_ref().map(|placement| sections::wire(&placement.section)),
        section_entered_at: header.placement.as_ref().map(|placement| placement.entered_at),
        ..from_meta(&header.meta, Some(&header.path))
    }
}

/// Returns what the first line of a file says of its thread; times, preview and name are empty.
pub(super) fn from_meta(meta: &SessionMeta, path: Option<&Path>) -> Thread {
    Thread {
        agent_nickname: meta.agent_nickname.clone(),
        agent_role: meta.agent_role.clone(),
        cli_version: meta.cli_version.clone(),
        created_at: 0,
        cwd: AbsolutePathBuf(meta.cwd.to_string_lossy().into_owned()),
        ephemeral: path.is_none(),
        forked_from_id: meta.forked_from_id.map(|id| id.to_string()),
        git_info: git_info(meta.git.clone()),
        history_mode: match meta.history_mode() {
            HistoryMode::Legacy => ThreadHistoryMode::Legacy,
            HistoryMode::Paginated | HistoryMode::Unknown => ThreadHistoryMode::Paginated,
        },
        id: meta.id.to_string(),
        model: None,
        model_provider: meta.model_provider.clone().unwrap_or_else(|| DEFAULT_PROVIDER.to_owned()),
        name: None,
        originator: Some(meta.originator.clone()),
        parent_thread_id: meta.parent_thread_id.map(|id| id.to_string()),
        path: path.map(|path| path.to_string_lossy().into_owned()),
        preview: String::new(),
        project_id: None,
        reasoning_effort: None,
        recency_at: None,
        section: None,
        section_entered_at: None,
        session_id: meta.session_id.unwrap_or(meta.id).to_string(),
        source: source(&meta.source),
        status: ThreadStatus::NotLoaded,
        thread_source: meta.thread_source.clone().map(ThreadSource),
        turns: Vec::new(),
        updated_at: 0,
    }
}

/// Returns a git state as the wire shows it.
pub(super) fn git_info(git: Option<app_server_rollout::GitInfo>) -> Option<GitInfo> {
    git.map(|git| GitInfo { branch: git.branch, origin_url: git.repository_url, sha: git.commit_hash })
}

/// Clients have a closed list of sources, so whatever is not in it is unknown to them.
fn source(source: &Source) -> SessionSource {
    match source {
        Source::Cli => SessionSource::Cli,
        Source::Vscode => SessionSource::Vscode,
        Source::Exec => SessionSource::Exec,
        Source::AppServer | Source::Mcp => SessionSource::AppServer,
        Source::Custom(name) => SessionSource::Custom(name.clone()),
        Source::SubAgent(kind) => SessionSource::SubAgent(sub_agent(kind)),
        Source::Unknown => SessionSource::Unknown,
    }
}

fn sub_agent(kind: &Value) -> SubAgentSource {
    let spawned = |spawn: &Value| {
        let text = |key: &str| spawn.get(key).and_then(Value::as_str).map(str::to_owned);
        Some(SubAgentSource::ThreadSpawn {
            agent_nickname: text("agent_nickname"),
            agent_path: text("agent_path").map(AgentPath),
            agent_role: text("agent_role"),
            depth: spawn.get("depth").and_then(Value::as_i64).and_then(|depth| i32::try_from(depth).ok())?,
            parent_thread_id: ThreadId(text("parent_thread_id")?),
        })
    };
    match kind {
        Value::String(kind) if kind == "review" => SubAgentSource::Review,
        Value::String(kind) if kind == "compact" => SubAgentSource::Compact,
        Value::String(kind) if kind == "memory_consolidation" => SubAgentSource::MemoryConsolidation,
        Value::Object(object) => object
            .get("thread_spawn")
            .and_then(spawned)
            .unwrap_or_else(|| SubAgentSource::Other(Value::Object(object.clone()).to_string())),
        other => SubAgentSource::Other(other.as_str().map_or_else(|| other.to_string(), str::to_owned)),
    }
}
