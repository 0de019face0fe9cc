//! Sections of the thread list: `threadSection/*`. Threads are moved by their actors (`ops/sections.rs`).

use app_server_protocol::ServerNotification;
use app_server_protocol::v2::{
    ThreadSection, ThreadSectionChangedNotification, ThreadSectionCreateParams, ThreadSectionCreateResponse,
    ThreadSectionDeleteParams, ThreadSectionDeleteResponse, ThreadSectionListParams,
    ThreadSectionListResponse, ThreadSectionUpdateParams, ThreadSectionUpdateResponse,
};
use app_server_rollout::Section;

use crate::error::CoreError;
use crate::services::Services;

/// Answers `threadSection/list`; the cursor is the last id of the page before. Blocks on the disk, as all of these.
///
/// # Errors
/// A cursor that is none, or a home that cannot be read.
pub fn list(
    services: &Services,
    params: &ThreadSectionListParams,
) -> Result<ThreadSectionListResponse, CoreError> {
    let sections = services.store.sections().all()?;
    let mut rest = sections.list();
    if let Some(cursor) = &params.cursor {
        let at = rest.iter().position(|section| section.id.to_string() == *cursor);
        let at = at.ok_or_else(|| CoreError::InvalidParams(format!("invalid cursor: {cursor}")))?;
        rest = &rest[at + 1..];
    }
    let limit = params.limit.map_or(usize::MAX, |limit| limit.max(1) as usize);
    let page = &rest[..rest.len().min(limit)];
    let next_cursor = page.last().filter(|_| page.len() < rest.len()).map(|last| last.id.to_string());
    Ok(ThreadSectionListResponse { data: page.iter().map(wire).collect(), next_cursor })
}

/// Answers `threadSection/create`.
///
/// # Errors
/// A blank name, or a home that cannot be written.
pub fn create(
    services: &Services,
    params: ThreadSectionCreateParams,
) -> Result<ThreadSectionCreateResponse, CoreError> {
    let ThreadSectionCreateParams { name, appearance } = params;
    let appearance = appearance.and_then(|appearance| serde_json::to_value(appearance).ok());
    let section = services.store.sections().create(&name, appearance)?;
    Ok(ThreadSectionCreateResponse { section: wire(&section) })
}

/// Answers `threadSection/update`.
///
/// # Errors
/// A blank name, a section that there is not or that cannot be changed, or a home that cannot be written.
pub fn update(
    services: &Services,
    params: ThreadSectionUpdateParams,
) -> Result<ThreadSectionUpdateResponse, CoreError> {
    let ThreadSectionUpdateParams { section_id, name, appearance } = params;
    let appearance = appearance.and_then(|appearance| serde_json::to_value(appearance).ok());
    let section = services.store.sections().update(&section_id, &name, appearance)?;
    Ok(ThreadSectionUpdateResponse { section: wire(&section) })
}

/// Answers `threadSection/delete`; tells of the threads that were in it before.
///
/// # Errors
/// A section that there is not or that cannot be removed, or a home that cannot be written.
pub fn delete(
    services: &Services,
    params: &ThreadSectionDeleteParams,
) -> Result<ThreadSectionDeleteResponse, CoreError> {
    for thread in services.store.sections().remove(&params.section_id)? {
        services.host.notify(ServerNotification::ThreadSectionChanged(ThreadSectionChangedNotification {
            section_id: None,
            thread_id: thread.to_string(),
        }));
    }
    Ok(ThreadSectionDeleteResponse {})
}

/// Returns a section as the wire shows it. A look that is not of the wire's form is left out.
pub(super) fn wire(section: &Section) -> ThreadSection {
    let appearance = section.appearance.clone().and_then(|look| serde_json::from_value(look).ok());
    ThreadSection { appearance, id: section.id.to_string(), name: section.name.clone() }
}
