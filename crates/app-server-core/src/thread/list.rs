//! `thread/list`: stored threads by page, with what is live laid over them.

use std::collections::HashMap;
use std::path::PathBuf;

use app_server_protocol::v2::{
    SortDirection, Thread, ThreadListCwdFilter, ThreadListParams, ThreadListResponse, ThreadSortKey,
    ThreadSourceKind, ThreadStatus,
};
use app_server_rollout::{Cursor, Header, ListQuery, SortKey, SourceFilter, SourceKind};
use uuid::Uuid;

use super::{parse_id, stored};
use crate::error::CoreError;
use crate::services::Services;

/// Entries of a page when the client does not say, and at most.
const DEFAULT_LIMIT: u32 = 25;
const MAX_LIMIT: u32 = 100;

/// Answers `thread/list`. Blocks on the disk: for a blocking thread. `live` holds the status of loaded threads.
///
/// # Errors
/// A cursor that is none, or a home that cannot be read.
pub fn list(
    services: &Services,
    params: ThreadListParams,
    live: &HashMap<Uuid, ThreadStatus>,
) -> Result<ThreadListResponse, CoreError> {
    let query = query(params)?;
    let page = services.store.list(&query)?;
    Ok(ThreadListResponse {
        data: page.entries.iter().map(|header| shown(header, live)).collect(),
        next_cursor: page.next_cursor.map(|cursor| cursor.to_string()),
        backwards_cursor: page.backwards_cursor.map(|cursor| cursor.to_string()),
    })
}

/// A stored thread with what is live of it.
pub(super) fn shown(header: &Header, live: &HashMap<Uuid, ThreadStatus>) -> Thread {
    let mut thread = stored::thread(header);
    if let Some(status) = live.get(&header.meta.id) {
        thread.status = status.clone();
    }
    thread
}

fn query(params: ThreadListParams) -> Result<ListQuery, CoreError> {
    let cursor = match &params.cursor {
        Some(text) => Some(text.parse::<Cursor>().map_err(|error| CoreError::Invalid(error.to_string()))?),
        None => None,
    };
    let parent = params.parent_thread_id.as_deref().map(parse_id).transpose()?;
    let ancestor = params.ancestor_thread_id.as_deref().map(parse_id).transpose()?;
    let excluded = params.excluded_thread_ids.unwrap_or_default();
    // Agents are what is asked for; nobody talked to them.
    let by_default = match parent.or(ancestor) {
        Some(_) => SourceFilter::Any,
        None => SourceFilter::Interactive,
    };
    let sort_key = match params.sort_key {
        None | Some(ThreadSortKey::CreatedAt) => SortKey::CreatedAt,
        Some(ThreadSortKey::UpdatedAt) => SortKey::UpdatedAt,
        Some(ThreadSortKey::RecencyAt) => SortKey::RecencyAt,
        Some(ThreadSortKey::SectionPosition) => SortKey::SectionPosition,
    };
    // A section that is no id is one that no thread is in.
    let section = params.section_id.map(|id| Uuid::try_parse(&id).unwrap_or_default());
    let cwds = match params.cwd {
        None => Vec::new(),
        Some(ThreadListCwdFilter::One(cwd)) => vec![PathBuf::from(cwd)],
        Some(ThreadListCwdFilter::Many(cwds)) => cwds.into_iter().map(PathBuf::from).collect(),
    };
    Ok(ListQuery {
        limit: params.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT) as usize,
        cursor,
        sort_key,
        // A section is read from its top.
        descending: match params.sort_direction {
            None => sort_key != SortKey::SectionPosition,
            Some(direction) => direction == SortDirection::Desc,
        },
        model_providers: params.model_providers,
        default_model_provider: None,
        sources: source_filter(params.source_kinds, by_default),
        archived: params.archived == Some(true),
        cwds,
        search_term: params.search_term.filter(|term| !term.is_empty()),
        // What is no id excludes nothing.
        excluded: excluded.iter().filter_map(|id| parse_id(id).ok()).collect(),
        originators: params.originators.unwrap_or_default(),
        parent,
        ancestor,
        section,
        without_ends: false,
    })
}

/// Which sessions are meant.
pub(super) fn source_filter(kinds: Option<Vec<ThreadSourceKind>>, by_default: SourceFilter) -> SourceFilter {
    match kinds {
        Some(kinds) if !kinds.is_empty() => SourceFilter::Only(kinds.into_iter().map(source_kind).collect()),
        _ => by_default,
    }
}

fn source_kind(kind: ThreadSourceKind) -> SourceKind {
    match kind {
        ThreadSourceKind::Cli => SourceKind::Cli,
        ThreadSourceKind::Vscode => SourceKind::Vscode,
        ThreadSourceKind::Exec => SourceKind::Exec,
        ThreadSourceKind::AppServer => SourceKind::AppServer,
        ThreadSourceKind::SubAgent => SourceKind::SubAgent,
        ThreadSourceKind::SubAgentReview => SourceKind::SubAgentReview,
        ThreadSourceKind::SubAgentCompact => SourceKind::SubAgentCompact,
        ThreadSourceKind::SubAgentThreadSpawn => SourceKind::SubAgentThreadSpawn,
        ThreadSourceKind::SubAgentOther => SourceKind::SubAgentOther,
        ThreadSourceKind::Unknown => SourceKind::Unknown,
    }
}
