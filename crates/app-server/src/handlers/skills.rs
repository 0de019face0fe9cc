//! Instructions in folders.

use std::sync::Arc;

use app_server_core::host::Reply;
use app_server_core::{CoreError, Services, skills};
use app_server_protocol::v2::{
    SkillsConfigWriteParams, SkillsConfigWriteResponse, SkillsExtraRootsSetParams,
    SkillsExtraRootsSetResponse, SkillsListParams, SkillsListResponse,
};

/// `skills/list`.
pub(crate) async fn list(
    services: Arc<Services>,
    params: SkillsListParams,
) -> Result<SkillsListResponse, CoreError> {
    skills::list(services, params).await
}

/// `skills/config/write`.
pub(crate) async fn write(
    services: Arc<Services>,
    params: SkillsConfigWriteParams,
) -> Result<SkillsConfigWriteResponse, CoreError> {
    skills::write(services, params).await
}

/// `skills/extraRoots/set`.
pub(crate) fn set_extra_roots(
    services: &Arc<Services>,
    params: SkillsExtraRootsSetParams,
    reply: Reply<SkillsExtraRootsSetResponse>,
) {
    reply.send(Ok(skills::set_extra_roots(services, params)));
}
