//! What clients ask about servers: how they stand, a call of a tool, a resource, and to read the configuration anew.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use app_server_config::{Config, LoadRequest};
use app_server_mcp::{Connection, ToolCall, Transport};
use app_server_protocol::v2::{
    ListMcpServerStatusParams, ListMcpServerStatusResponse, McpAuthStatus, McpResourceReadParams,
    McpResourceReadResponse, McpServerConnectionStatus, McpServerRefreshResponse, McpServerStatus,
    McpServerStatusDetail, McpServerToolCallParams, McpServerToolCallResponse,
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::calls::Scope;
use super::server::{Server, Stage};
use super::view::{self, Member, Members, Usage};
use crate::error::CoreError;
use crate::services::Services;
use crate::thread::{ThreadShared, parse_id};

/// How long a server may take to list or read resources.
pub(crate) const RESOURCE_LIMIT: Duration = Duration::from_secs(60);

/// `mcpServerStatus/list`.
///
/// # Errors
/// For a thread that is not loaded, a cursor that is none, or a configuration that does not load.
pub async fn list_status(
    services: Arc<Services>,
    params: ListMcpServerStatusParams,
) -> Result<ListMcpServerStatusResponse, CoreError> {
    let start = match params.cursor.as_deref() {
        None => 0,
        Some(cursor) => {
            cursor.parse::<usize>().map_err(|_| CoreError::Invalid(format!("invalid cursor: {cursor}")))?
        }
    };
    let members = of_thread_or_own(&services, params.thread_id.as_deref()).await?;
    let is_named = |name: &&String| params.server_name.as_ref().is_none_or(|wanted| *name == wanted);
    let names: Vec<&String> = members.keys().filter(is_named).collect();
    let limit = params.limit.map_or(usize::MAX, |limit| limit.max(1) as usize);
    let end = names.len().min(start.saturating_add(limit));
    let in_thread = params.thread_id.is_some();
    let with_resources = params.detail != Some(McpServerStatusDetail::ToolsAndAuthOnly);
    let mut asked = JoinSet::new();
    for (place, name) in names.get(start..end).unwrap_or_default().iter().enumerate() {
        let (members, name) = (Arc::clone(&members), (*name).clone());
        let services = Arc::clone(&services);
        asked.spawn(async move {
            let member = members.get(&name)?;
            Some((place, status(&services, &name, member, in_thread, with_resources).await))
        });
    }
    let mut data: Vec<_> = asked.join_all().await.into_iter().flatten().collect();
    data.sort_by_key(|(place, _)| *place);
    Ok(ListMcpServerStatusResponse {
        data: data.into_iter().map(|(_, status)| status).collect(),
        next_cursor: (end < names.len()).then(|| end.to_string()),
    })
}

/// The servers of a thread, or those of our own folder, started.
async fn of_thread_or_own(
    services: &Arc<Services>,
    thread_id: Option<&str>,
) -> Result<Arc<Members>, CoreError> {
    if let Some(id) = thread_id {
        let thread = thread(services, id)?;
        return Ok(thread.mcp.attach(&thread));
    }
    let config = own_config(services).await?;
    let members = view::members(services, &config);
    for server in members.values().filter_map(Member::server) {
        server.start(services, false);
    }
    Ok(Arc::new(members))
}

/// The configuration of our own folder.
pub(super) async fn own_config(services: &Arc<Services>) -> Result<Arc<Config>, CoreError> {
    let own = Arc::clone(services);
    let loading = tokio::task::spawn_blocking(move || {
        let cwd = own.config.environment().working_dir().to_owned();
        own.config.load(&LoadRequest { cwd: Some(&cwd), ..Default::default() })
    });
    let config = loading.await.map_err(|error| CoreError::Internal(error.to_string()))??;
    Ok(Arc::new(config))
}

pub(super) fn thread(services: &Services, id: &str) -> Result<Arc<ThreadShared>, CoreError> {
    let id = parse_id(id)?.to_string();
    services.mcp.thread(&id).ok_or(CoreError::ThreadNotFound(id))
}

/// How one server stands; waits until its start has ended.
async fn status(
    services: &Services,
    name: &str,
    member: &Member,
    in_thread: bool,
    with_resources: bool,
) -> McpServerStatus {
    let mut status = McpServerStatus {
        auth_status: McpAuthStatus::Unsupported,
        http_origin: None,
        name: name.to_owned(),
        plugin_id: None,
        resource_templates: Vec::new(),
        resources: Vec::new(),
        runtime_status: None,
        server_capabilities: None,
        server_info: None,
        tool_list_meta: None,
        tools: Default::default(),
        tools_error: None,
    };
    if let Some(Transport::Http(http)) = member.definition.as_ref().map(|definition| &definition.transport) {
        status.http_origin = origin(&http.url);
        if http.bearer_token_env_var.is_some() {
            status.auth_status = McpAuthStatus::BearerToken;
        }
    }
    let error = |reason: &str| Some(format!("MCP startup failed: {reason}"));
    let runtime = match &member.usage {
        Usage::Disabled => McpServerConnectionStatus::Disabled,
        Usage::Refused(reason) => {
            status.tools_error = error(reason);
            McpServerConnectionStatus::Failed
        }
        Usage::Used(lease) => match lease.server().settled().await {
            Stage::Ready(connection) => {
                describe(&mut status, &connection);
                if status.auth_status == McpAuthStatus::Unsupported
                    && lease.server().is_signed_in(services).await
                {
                    status.auth_status = McpAuthStatus::OAuth;
                }
                let tools = lease.server().tools().unwrap_or_default();
                for tool in tools.iter().filter(|tool| member.wants(&tool.name)) {
                    if let Some(shown) = typed(name, tool.definition.clone()) {
                        status.tools.insert(tool.name.clone(), shown);
                    }
                }
                if with_resources {
                    list_resources(&mut status, &connection).await;
                }
                McpServerConnectionStatus::Connected
            }
            Stage::Failed(failure) => {
                status.tools_error = error(&failure.reason);
                if failure.needs_sign_in {
                    status.auth_status = McpAuthStatus::NotLoggedIn;
                    McpServerConnectionStatus::AuthenticationRequired
                } else {
                    McpServerConnectionStatus::Failed
                }
            }
            Stage::Idle | Stage::Starting | Stage::Ended => McpServerConnectionStatus::Cancelled,
        },
    };
    status.runtime_status = in_thread.then_some(runtime);
    masked(services, status)
}

/// What a server says may hold what it was given.
fn masked(services: &Services, status: McpServerStatus) -> McpServerStatus {
    let Ok(text) = serde_json::to_string(&status) else { return status };
    match services.secrets().mask(&text) {
        std::borrow::Cow::Borrowed(_) => status,
        std::borrow::Cow::Owned(text) => serde_json::from_str(&text).unwrap_or(status),
    }
}

fn describe(status: &mut McpServerStatus, connection: &Connection) {
    let server = connection.server();
    status.server_info = typed(&status.name, server.info.clone());
    status.server_capabilities = Some(server.capabilities.clone());
}

async fn list_resources(status: &mut McpServerStatus, connection: &Connection) {
    let name = status.name.clone();
    match connection.all_resources(RESOURCE_LIMIT).await {
        Ok(found) => status.resources = found.into_iter().filter_map(|one| typed(&name, one)).collect(),
        Err(error) => tracing::info!(server = %name, %error, "cannot list an MCP server's resources"),
    }
    match connection.all_resource_templates(RESOURCE_LIMIT).await {
        Ok(found) => {
            status.resource_templates = found.into_iter().filter_map(|one| typed(&name, one)).collect();
        }
        Err(error) => tracing::info!(server = %name, %error, "cannot list an MCP server's templates"),
    }
}

/// What a server sent in the wire's form; what does not fit is left out.
fn typed<T: DeserializeOwned>(server: &str, value: Value) -> Option<T> {
    serde_json::from_value(value)
        .inspect_err(|error| tracing::info!(%server, %error, "an MCP server describes something oddly"))
        .ok()
}

/// Scheme, host and port of a URL.
fn origin(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next()?;
    // Credentials are nobody's business.
    let host = host.rsplit('@').next()?;
    Some(format!("{scheme}://{host}"))
}

fn used<'a>(members: &'a Members, name: &str) -> Result<(&'a Member, &'a Arc<Server>), CoreError> {
    let member =
        members.get(name).ok_or_else(|| CoreError::Internal(format!("unknown MCP server '{name}'")))?;
    match &member.usage {
        Usage::Disabled => Err(CoreError::Internal(format!("MCP server '{name}' is disabled"))),
        Usage::Refused(reason) => Err(CoreError::Internal(view::failed_to_start(name, reason))),
        Usage::Used(lease) => Ok((member, lease.server())),
    }
}

/// `mcpServer/tool/call`. The client asks, so nobody is asked whether it may.
///
/// # Errors
/// For a thread that is not loaded, an unknown server or tool, and when the server gives no result.
pub async fn call_tool(
    services: Arc<Services>,
    params: McpServerToolCallParams,
) -> Result<McpServerToolCallResponse, CoreError> {
    let McpServerToolCallParams { arguments, meta, server: name, thread_id, tool } = params;
    let thread = thread(&services, &thread_id)?;
    let members = thread.mcp.attach(&thread);
    let (member, server) = used(&members, &name)?;
    if !member.wants(&tool) {
        return Err(CoreError::Internal(format!("the tool '{tool}' of MCP server '{name}' is switched off")));
    }
    let object = |what: &str, value: Option<Value>| match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(members)) => Ok(Some(members)),
        Some(_) => Err(CoreError::Invalid(format!("{what} must be an object"))),
    };
    let (arguments, meta) = (object("arguments", arguments)?, object("_meta", meta)?);
    let connection = server
        .connection(&services)
        .await
        .map_err(|reason| CoreError::Internal(view::failed_to_start(&name, &reason)))?;
    let scope = Scope { server: name.clone(), thread: Arc::clone(&thread), turn: None };
    let open = server.calls().open(scope);
    let limit = member.definition.as_ref().map_or(RESOURCE_LIMIT, |definition| definition.tool_timeout);
    let call = ToolCall {
        tool,
        arguments,
        meta,
        tag: open.tag,
        limit,
        progress: None,
        cancel: CancellationToken::new(),
    };
    let result = connection.call_tool(call).await;
    drop(open);
    answer(&services, result)
}

/// A server's result as our own answer, masked.
fn answer<T: DeserializeOwned>(
    services: &Services,
    result: Result<Value, app_server_mcp::McpError>,
) -> Result<T, CoreError> {
    let internal = |words: String| CoreError::Internal(services.secrets().mask(&words).into_owned());
    let result = result.map_err(|error| internal(error.to_string()))?;
    let text = result.to_string();
    serde_json::from_str(&services.secrets().mask(&text))
        .map_err(|error| internal(format!("the MCP server's answer is not understood: {error}")))
}

/// `mcpServer/resource/read`.
///
/// # Errors
/// For a thread that is not loaded, an unknown server, and when the server does not give the resource.
pub async fn read_resource(
    services: Arc<Services>,
    params: McpResourceReadParams,
) -> Result<McpResourceReadResponse, CoreError> {
    let members = of_thread_or_own(&services, params.thread_id.as_deref()).await?;
    let (_, server) = used(&members, &params.server)?;
    let connection = server
        .connection(&services)
        .await
        .map_err(|reason| CoreError::Internal(view::failed_to_start(&params.server, &reason)))?;
    let result = connection.read_resource(&params.uri, RESOURCE_LIMIT).await;
    let read: McpResourceReadResponse = answer(&services, result)?;
    Ok(McpResourceReadResponse { origin_call_id: params.origin_call_id, ..read })
}

/// `config/mcpServer/reload`: loaded threads take over the servers that are configured now. Servers that are new, have
/// changed or had failed are started; nothing waits for them.
///
/// # Errors
/// When the configuration does not load; all threads keep what they have then.
pub async fn reload(services: Arc<Services>) -> Result<McpServerRefreshResponse, CoreError> {
    let threads = services.mcp.threads();
    let loaders = Arc::clone(&services);
    let views = tokio::task::spawn_blocking(move || {
        let loaded = threads.into_iter().map(|thread| {
            let (cwd, flags) = thread.mcp.source();
            let request =
                LoadRequest { cwd: Some(Path::new(&cwd)), overrides: &flags, ..LoadRequest::default() };
            Ok((Arc::new(loaders.config.load(&request)?), thread))
        });
        loaded.collect::<Result<Vec<_>, CoreError>>()
    })
    .await
    .map_err(|error| CoreError::Internal(error.to_string()))??;
    for (config, thread) in views {
        thread.mcp.replace(&thread, config);
    }
    Ok(McpServerRefreshResponse {})
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;

    #[test]
    fn an_origin_has_no_path_and_no_credentials() {
        assert_eq!(origin("https://a.example:8443/mcp?k=1").as_deref(), Some("https://a.example:8443"));
        assert_eq!(origin("http://me:secret@b.example").as_deref(), Some("http://b.example"));
        assert_eq!(origin("nonsense"), None);
    }
}
