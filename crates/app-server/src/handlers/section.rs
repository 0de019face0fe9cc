//! Sections of the thread list, and what is tied to threads: this server ties nothing.

use std::collections::HashMap;

use app_server_core::host::Reply;
use app_server_core::thread::{ThreadOp, parse_id, sections};
use app_server_core::{CoreError, Services};
use app_server_protocol::v2::{
    ThreadAttachmentAddParams, ThreadAttachmentAddResponse, ThreadAttachmentListParams,
    ThreadAttachmentListResponse, ThreadAttachmentOwnerListParams, ThreadAttachmentOwnerListResponse,
    ThreadAttachmentRemoveParams, ThreadAttachmentRemoveResponse, ThreadSectionCreateParams,
    ThreadSectionCreateResponse, ThreadSectionDeleteParams, ThreadSectionDeleteResponse,
    ThreadSectionListParams, ThreadSectionListResponse, ThreadSectionMoveParams, ThreadSectionMoveResponse,
    ThreadSectionUpdateParams, ThreadSectionUpdateResponse, ThreadStatus,
};
use app_server_rollout::Scope;
use uuid::Uuid;

use super::thread::route;
use crate::dispatch::Routed;

/// `threadSection/list`.
pub(crate) fn list(
    services: &Services,
    params: ThreadSectionListParams,
    (): (),
) -> Result<ThreadSectionListResponse, CoreError> {
    sections::list(services, &params)
}

/// `threadSection/create`.
pub(crate) fn create(
    services: &Services,
    params: ThreadSectionCreateParams,
    (): (),
) -> Result<ThreadSectionCreateResponse, CoreError> {
    sections::create(services, params)
}

/// `threadSection/update`.
pub(crate) fn update(
    services: &Services,
    params: ThreadSectionUpdateParams,
    (): (),
) -> Result<ThreadSectionUpdateResponse, CoreError> {
    sections::update(services, params)
}

/// `threadSection/delete`.
pub(crate) fn delete(
    services: &Services,
    params: ThreadSectionDeleteParams,
    (): (),
) -> Result<ThreadSectionDeleteResponse, CoreError> {
    sections::delete(services, &params)
}

/// `thread/section/move`.
pub(crate) fn move_thread(
    params: ThreadSectionMoveParams,
    reply: Reply<ThreadSectionMoveResponse>,
) -> Routed {
    let id = params.thread_id.clone();
    route(&id, reply, |reply| ThreadOp::MoveToSection(params, reply))
}

/// `thread/attachment/list`: no thread has any.
pub(crate) fn attachments(
    services: &Services,
    params: ThreadAttachmentListParams,
    live: HashMap<Uuid, ThreadStatus>,
) -> Result<ThreadAttachmentListResponse, CoreError> {
    let id = parse_id(&params.thread_id)?;
    if !live.contains_key(&id) && services.store.find(id, Scope::Any)?.is_none() {
        return Err(CoreError::ThreadNotLoaded(id.to_string()));
    }
    Ok(ThreadAttachmentListResponse { data: Vec::new(), next_cursor: None })
}

/// `thread/attachmentOwner/list`: nothing is tied to any thread.
pub(crate) fn owners(
    _services: &Services,
    _params: ThreadAttachmentOwnerListParams,
    (): (),
) -> Result<ThreadAttachmentOwnerListResponse, CoreError> {
    Ok(ThreadAttachmentOwnerListResponse { data: Vec::new(), next_cursor: None })
}

/// `thread/attachment/add`.
pub(crate) fn add_attachment(
    _services: &Services,
    _params: ThreadAttachmentAddParams,
    (): (),
) -> Result<ThreadAttachmentAddResponse, CoreError> {
    Err(no_attachments())
}

/// `thread/attachment/remove`.
pub(crate) fn remove_attachment(
    _services: &Services,
    _params: ThreadAttachmentRemoveParams,
    (): (),
) -> Result<ThreadAttachmentRemoveResponse, CoreError> {
    Err(no_attachments())
}

fn no_attachments() -> CoreError {
    CoreError::Invalid("this server keeps no attachments of threads".to_owned())
}
