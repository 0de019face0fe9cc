//! Servers of the Model Context Protocol: threads with the same definition share one process or connection, which is
//! started beside everything else and ends with the session.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `hub` | which servers there are and who uses them |
//! | `server` | one server: start, list of tools, end |
//! | `launch` | its process: environment, program, last words |
//! | `cache` | lists of tools of the last time |
//! | `view` | the servers of a thread, what its client is told of them |
//! | `table` | the tools as the model knows them |
//! | `calls`, `elicit` | open calls, and what servers ask meanwhile |
//! | `requests` | what clients ask about servers |
//! | `login`, `credentials`, `sign_in` | signing in, what that brings, and its use by connections |

mod cache;
mod calls;
mod credentials;
mod elicit;
mod hub;
mod launch;
mod login;
mod requests;
mod server;
mod sign_in;
mod table;
mod view;

use std::sync::Arc;

use app_server_config::{Config, McpCredentialsStore, ServerIdentity, looks_secret};
use app_server_mcp::{Definition, DefinitionError, Endpoint, Http, Transport};

pub(crate) use calls::Scope;
pub(crate) use hub::McpHub;
pub use login::login;
pub(crate) use requests::RESOURCE_LIMIT;
pub use requests::{call_tool, list_status, read_resource, reload};
pub(crate) use server::Server;
pub(crate) use view::{McpView, Members, failed_to_start};

use crate::services::Services;

/// Looks up our environment for a definition.
fn variable(services: &Services) -> impl Fn(&str) -> Option<String> {
    |name| services.config.environment().var(name).map(str::to_owned)
}

/// Where a server is that is reached over HTTP. Its token, and the headers whose names say so, count as secret from now on.
/// One whose definition holds no token is shown that of the user's sign-in, if there is one.
fn endpoint(
    services: &Arc<Services>,
    name: &str,
    store: McpCredentialsStore,
    definition: &Http,
) -> Result<Endpoint, DefinitionError> {
    let variable = variable(services);
    if let Some(token) = definition.bearer_token_env_var.as_deref().and_then(&variable) {
        services.learn_secret(&token);
    }
    let plain = definition.http_headers.iter().map(|(name, value)| (name, Some(value.clone())));
    let named = definition.env_http_headers.iter().map(|(name, from)| (name, variable(from)));
    for (_, value) in plain.chain(named).filter(|(name, _)| holds_secret(name)) {
        // A scheme may stand before it.
        let value = value.unwrap_or_default();
        services.learn_secret(&value);
        services.learn_secret(value.rsplit(' ').next().unwrap_or_default());
    }
    let mut endpoint = definition.endpoint(&variable)?;
    let has_own = endpoint.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    if endpoint.authorization.is_none() && !has_own {
        endpoint.authorization = Some(sign_in::authorization(services, store, name, &definition.url));
    }
    Ok(endpoint)
}

fn holds_secret(header: &str) -> bool {
    let name = header.to_ascii_lowercase();
    name.contains("auth") || name.contains("cookie") || looks_secret(header.as_ref())
}

/// Why an administrator does not allow a server, if so.
fn forbidden(config: &Config, name: &str, definition: &Definition) -> Option<String> {
    let identity = match &definition.transport {
        Transport::Stdio(stdio) => ServerIdentity::Command(stdio.command.clone()),
        Transport::Http(http) => ServerIdentity::Url(http.url.clone()),
    };
    let is_allowed = config.requirements.allows_mcp_server(name, &identity);
    (!is_allowed).then(|| "not allowed by requirements".to_owned())
}
