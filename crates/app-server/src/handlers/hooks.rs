//! Programs that run at points of a turn.

use std::sync::Arc;

use app_server_core::{CoreError, Services, hooks};
use app_server_protocol::v2::{HooksListParams, HooksListResponse};

/// `hooks/list`.
pub(crate) async fn list(
    services: Arc<Services>,
    params: HooksListParams,
) -> Result<HooksListResponse, CoreError> {
    hooks::list(&services, params).await
}
