//! Servers of the Model Context Protocol.

use std::sync::Arc;

use app_server_core::{CoreError, Services, mcp};
use app_server_protocol::NoParams;
use app_server_protocol::v2::{McpServerOauthLoginParams, McpServerRefreshResponse};

use crate::lanes::Lane;

pub(crate) use app_server_core::mcp::{call_tool, list_status, login, read_resource};

/// `config/mcpServer/reload`.
pub(crate) async fn reload(
    services: Arc<Services>,
    _params: NoParams,
) -> Result<McpServerRefreshResponse, CoreError> {
    mcp::reload(services).await
}

/// Of two logins to one server the later one counts.
pub(crate) fn login_lane(params: &McpServerOauthLoginParams) -> Lane {
    Lane { family: "mcpServer/oauth/login", name: params.name.clone() }
}
