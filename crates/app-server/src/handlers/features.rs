//! What may be switched and what is allowed: features, permission profiles, requirements.

use std::sync::Arc;

use app_server_core::{CoreError, Services, features};
use app_server_protocol::RpcError;
use app_server_protocol::v2::{
    ConfigRequirementsReadResponse, ExperimentalFeatureEnablementSetParams,
    ExperimentalFeatureEnablementSetResponse, ExperimentalFeatureListParams, ExperimentalFeatureListResponse,
    PermissionProfileListParams, PermissionProfileListResponse,
};

use crate::message_processor::Server;

/// `configRequirements/read`.
pub(crate) fn requirements<P>(
    services: &Services,
    _params: P,
    (): (),
) -> Result<ConfigRequirementsReadResponse, CoreError> {
    features::requirements(services)
}

/// `experimentalFeature/list`.
pub(crate) async fn list(
    services: Arc<Services>,
    params: ExperimentalFeatureListParams,
) -> Result<ExperimentalFeatureListResponse, CoreError> {
    features::list(&services, params).await
}

/// `experimentalFeature/enablement/set`: done on the loop, so that the thread that is started next has it.
pub(crate) fn set_enablement(
    server: &mut Server,
    params: ExperimentalFeatureEnablementSetParams,
) -> Result<ExperimentalFeatureEnablementSetResponse, RpcError> {
    let session = server.session().ok_or_else(|| RpcError::invalid("Not initialized"))?;
    Ok(features::set_enablement(&session.services, params))
}

/// `permissionProfile/list`.
pub(crate) fn permission_profiles(
    services: &Services,
    params: PermissionProfileListParams,
    (): (),
) -> Result<PermissionProfileListResponse, CoreError> {
    features::permission_profiles(services, &params)
}
