//! The methods of sections and attachments.

use app_server_core::thread::sections;
use app_server_core::{CoreError, Services};
use app_server_protocol::v2::{
    ThreadAttachmentAddParams, ThreadAttachmentAddResponse, ThreadAttachmentListParams,
    ThreadAttachmentListResponse, ThreadAttachmentOwnerListParams, ThreadAttachmentOwnerListResponse,
    ThreadAttachmentRemoveParams, ThreadAttachmentRemoveResponse, ThreadSectionCreateParams,
    ThreadSectionCreateResponse, ThreadSectionDeleteParams, ThreadSectionDeleteResponse,
    ThreadSectionListParams, ThreadSectionListResponse, ThreadSectionMoveParams, ThreadSectionMoveResponse,
    ThreadSectionUpdateParams, ThreadSectionUpdateResponse,
};

/// `threadSection/list`.
pub(crate) fn list(
    services: &Services,
    params: ThreadSectionListParams,
    (): (),
) -> Result<ThreadSectionListResponse, CoreError> {
    sections::list_sections(services, params)
}

/// `threadSection/create`.
pub(crate) fn create(
    services: &Services,
    params: ThreadSectionCreateParams,
    (): (),
) -> Result<ThreadSectionCreateResponse, CoreError> {
    sections::create_section(services, params)
}

/// `threadSection/update`.
pub(crate) fn update(
    services: &Services,
    params: ThreadSectionUpdateParams,
    (): (),
) -> Result<ThreadSectionUpdateResponse, CoreError> {
    sections::update_section(services, params)
}

/// `threadSection/delete`.
pub(crate) fn delete(
    services: &Services,
    params: ThreadSectionDeleteParams,
    (): (),
) -> Result<ThreadSectionDeleteResponse, CoreError> {
    sections::delete_section(services, params)
}

/// `thread/section/move`.
pub(crate) fn move_thread(
    services: &Services,
    params: ThreadSectionMoveParams,
    (): (),
) -> Result<ThreadSectionMoveResponse, CoreError> {
    sections::move_to_section(services, params)
}

/// `thread/attachment/add`.
pub(crate) fn add_attachment(
    services: &Services,
    params: ThreadAttachmentAddParams,
    (): (),
) -> Result<ThreadAttachmentAddResponse, CoreError> {
    sections::add_attachment(services, params)
}

/// `thread/attachment/list`.
pub(crate) fn list_attachments(
    services: &Services,
    params: ThreadAttachmentListParams,
    (): (),
) -> Result<ThreadAttachmentListResponse, CoreError> {
    sections::list_attachments(services, params)
}

/// `thread/attachmentOwner/list`.
pub(crate) fn list_attachment_owners(
    services: &Services,
    params: ThreadAttachmentOwnerListParams,
    (): (),
) -> Result<ThreadAttachmentOwnerListResponse, CoreError> {
    sections::list_attachment_owners(services, params)
}

/// `thread/attachment/remove`.
pub(crate) fn remove_attachment(
    services: &Services,
    params: ThreadAttachmentRemoveParams,
    (): (),
) -> Result<ThreadAttachmentRemoveResponse, CoreError> {
    sections::remove_attachment(services, params)
}
