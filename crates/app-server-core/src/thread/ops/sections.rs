//! Sections of the thread list, and what is tied to threads. They read and write the disk.

use app_server_protocol::v2::{
    ThreadAttachmentAddParams, ThreadAttachmentAddResponse, ThreadAttachmentListParams,
    ThreadAttachmentListResponse, ThreadAttachmentOwnerListParams, ThreadAttachmentOwnerListResponse,
    ThreadAttachmentRemoveParams, ThreadAttachmentRemoveResponse, ThreadSectionCreateParams,
    ThreadSectionCreateResponse, ThreadSectionDeleteParams, ThreadSectionDeleteResponse,
    ThreadSectionListParams, ThreadSectionListResponse, ThreadSectionMoveParams, ThreadSectionMoveResponse,
    ThreadSectionUpdateParams, ThreadSectionUpdateResponse,
};

use crate::error::CoreError;
use crate::services::Services;

/// Lists the sections of the thread list.
///
/// # Errors
/// [`CoreError::NotYet`].
pub fn list_sections(
    _services: &Services,
    _params: ThreadSectionListParams,
) -> Result<ThreadSectionListResponse, CoreError> {
    Err(CoreError::NotYet("threadSection/list"))
}

/// Makes a section.
///
/// # Errors
/// [`CoreError::NotYet`].
pub fn create_section(
    _services: &Services,
    _params: ThreadSectionCreateParams,
) -> Result<ThreadSectionCreateResponse, CoreError> {
    Err(CoreError::NotYet("threadSection/create"))
}

/// Renames a section.
///
/// # Errors
/// [`CoreError::NotYet`].
pub fn update_section(
    _services: &Services,
    _params: ThreadSectionUpdateParams,
) -> Result<ThreadSectionUpdateResponse, CoreError> {
    Err(CoreError::NotYet("threadSection/update"))
}

/// Removes a section.
///
/// # Errors
/// [`CoreError::NotYet`].
pub fn delete_section(
    _services: &Services,
    _params: ThreadSectionDeleteParams,
) -> Result<ThreadSectionDeleteResponse, CoreError> {
    Err(CoreError::NotYet("threadSection/delete"))
}

/// Moves a thread to a section.
///
/// # Errors
/// [`CoreError::NotYet`].
pub fn move_to_section(
    _services: &Services,
    _params: ThreadSectionMoveParams,
) -> Result<ThreadSectionMoveResponse, CoreError> {
    Err(CoreError::NotYet("thread/section/move"))
}

/// Ties something to a thread.
///
/// # Errors
/// [`CoreError::NotYet`].
pub fn add_attachment(
    _services: &Services,
    _params: ThreadAttachmentAddParams,
) -> Result<ThreadAttachmentAddResponse, CoreError> {
    Err(CoreError::NotYet("thread/attachment/add"))
}

/// Lists what is tied to a thread.
///
/// # Errors
/// [`CoreError::NotYet`].
pub fn list_attachments(
    _services: &Services,
    _params: ThreadAttachmentListParams,
) -> Result<ThreadAttachmentListResponse, CoreError> {
    Err(CoreError::NotYet("thread/attachment/list"))
}

/// Lists the threads something is tied to.
///
/// # Errors
/// [`CoreError::NotYet`].
pub fn list_attachment_owners(
    _services: &Services,
    _params: ThreadAttachmentOwnerListParams,
) -> Result<ThreadAttachmentOwnerListResponse, CoreError> {
    Err(CoreError::NotYet("thread/attachmentOwner/list"))
}

/// Unties something from a thread.
///
/// # Errors
/// [`CoreError::NotYet`].
pub fn remove_attachment(
    _services: &Services,
    _params: ThreadAttachmentRemoveParams,
) -> Result<ThreadAttachmentRemoveResponse, CoreError> {
    Err(CoreError::NotYet("thread/attachment/remove"))
}
