//! The servers of models.

use app_server_core::{CoreError, Services, models};
use app_server_protocol::v2::{
    ModelProviderCapabilitiesReadParams, ModelProviderCapabilitiesReadResponse, ModelProviderListParams,
    ModelProviderListResponse,
};

/// `modelProvider/list`.
pub(crate) fn list(
    services: &Services,
    _: ModelProviderListParams,
    (): (),
) -> Result<ModelProviderListResponse, CoreError> {
    models::list_providers(services)
}

/// `modelProvider/capabilities/read`.
pub(crate) fn capabilities(
    services: &Services,
    _: ModelProviderCapabilitiesReadParams,
    (): (),
) -> Result<ModelProviderCapabilitiesReadResponse, CoreError> {
    models::capabilities(services)
}
