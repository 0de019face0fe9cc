//! The methods about models and how they work with the user.

use std::sync::Arc;

use app_server_core::{CoreError, Services, models};
use app_server_protocol::RpcError;
use app_server_protocol::v2::{
    CollaborationModeListParams, CollaborationModeListResponse, CollaborationModeMask, ModeKind,
    ModelListParams, ModelListResponse, ReasoningEffort,
};

use crate::message_processor::Server;

/// `collaborationMode/list`: the modes a turn may be in; today's list, whatever level the client speaks.
pub(crate) fn collaboration_modes(
    _: &mut Server,
    _: CollaborationModeListParams,
) -> Result<CollaborationModeListResponse, RpcError> {
    let mode = |name: &str, mode, effort: Option<&str>| CollaborationModeMask {
        mode: Some(mode),
        model: None,
        name: name.to_owned(),
        reasoning_effort: effort.map(|effort| ReasoningEffort(effort.to_owned())),
    };
    let data = vec![mode("Plan", ModeKind::Plan, Some("medium")), mode("Default", ModeKind::Default, None)];
    Ok(CollaborationModeListResponse { data })
}

/// `model/list`.
pub(crate) async fn list(
    services: Arc<Services>,
    params: ModelListParams,
) -> Result<ModelListResponse, CoreError> {
    models::list(services, params).await
}
