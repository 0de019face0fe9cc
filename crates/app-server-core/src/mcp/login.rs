//! `mcpServer/oauth/login`: signing in to a server in a browser on this machine.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use app_server_config::McpCredentialsStore;
use app_server_mcp::{Definition, Http, Transport};
use app_server_oauth::{LoginError, Place, ResourceLogin, ResourceLoginOptions};
use app_server_protocol::ServerNotification;
use app_server_protocol::v2::{
    McpServerOauthLoginCompletedNotification, McpServerOauthLoginParams, McpServerOauthLoginResponse,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::credentials::{Credentials, SignIn};
use super::requests;
use crate::error::CoreError;
use crate::services::Services;

/// How long the user may take when the request does not say.
const USER_LIMIT: Duration = Duration::from_secs(300);
/// What the user sees us called at the issuer's.
const CLIENT_NAME: &str = "Codex";

/// The logins that wait for their users, by the server's name.
#[derive(Default)]
pub(super) struct Logins(Mutex<HashMap<String, CancellationToken>>);

impl Logins {
    /// Enters a login, and ends the one before: its page in the browser is not the one the user looks at.
    fn begin(&self, name: &str, cancel: &CancellationToken) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|_, cancel| !cancel.is_cancelled());
        if let Some(before) = waiting.insert(name.to_owned(), cancel.clone()) {
            before.cancel();
        }
    }
}

/// A server to sign in to.
struct Asked {
    http: Http,
    scopes: Option<Vec<String>>,
    store: McpCredentialsStore,
    port: u16,
}

/// `mcpServer/oauth/login`. Answers when the user can go to the page; the end of the login is told in a notification.
///
/// # Errors
/// For an unknown server or one that is a process, and when the server knows of no sign-in or nobody is to be reached.
pub async fn login(
    services: Arc<Services>,
    params: McpServerOauthLoginParams,
) -> Result<McpServerOauthLoginResponse, CoreError> {
    let limit = match params.timeout_secs {
        None => USER_LIMIT,
        Some(seconds) => match u64::try_from(seconds) {
            Ok(seconds @ 1..) => Duration::from_secs(seconds),
            _ => return Err(CoreError::Invalid(format!("timeoutSecs must be positive, got {seconds}"))),
        },
    };
    let asked = asked(&services, &params).await?;
    let cancel = services.closing.child_token();
    services.mcp.logins().begin(&params.name, &cancel);
    let options = ResourceLoginOptions {
        port: asked.port,
        client_name: CLIENT_NAME.to_owned(),
        scopes: params.scopes.clone().or(asked.scopes),
        limit,
    };
    let beginning = async {
        let place = Place::find(&services.http, &asked.http.url).await?;
        ResourceLogin::begin(&services.http, place, options, &cancel).await
    };
    let begun = cancel.run_until_cancelled(beginning).await.unwrap_or(Err(LoginError::Cancelled));
    let login = begun.map_err(|error| {
        let words = format!("failed to login to MCP server '{}': {error}", params.name);
        CoreError::Internal(services.secrets().mask(&words).into_owned())
    })?;
    let login_id = Uuid::new_v4().to_string();
    let answer = McpServerOauthLoginResponse {
        authorization_url: login.authorization_url().to_owned(),
        login_id: Some(login_id.clone()),
    };
    let credentials =
        Credentials::new(services.config.codex_home(), asked.store, &params.name, &asked.http.url);
    let hub = Arc::clone(&services);
    hub.mcp.run(async move {
        let end = finish(&services, login, credentials, cancel).await;
        let error = end.as_ref().err().map(|error| services.secrets().mask(&error.to_string()).into_owned());
        services.host.notify(ServerNotification::McpServerOauthLoginCompleted(
            McpServerOauthLoginCompletedNotification {
                error,
                login_id: Some(login_id),
                name: params.name.clone(),
                success: end.is_ok(),
                thread_id: params.thread_id,
            },
        ));
        if end.is_ok() {
            for thread in services.mcp.threads() {
                thread.mcp.start_again(&thread, &params.name);
            }
            // Those no thread uses now may be used by the next one.
            for server in services.mcp.at(&asked.http.url) {
                server.start(&services, true);
            }
        }
    });
    Ok(answer)
}

/// Waits for the user and stores what that brings.
async fn finish(
    services: &Arc<Services>,
    login: ResourceLogin,
    credentials: Credentials,
    cancel: CancellationToken,
) -> Result<(), LoginError> {
    let learn = Arc::clone(services);
    let accept = async move |grant, tokens| {
        let sign_in = SignIn { grant, tokens };
        learn.learn_secret(sign_in.tokens.access_token.expose());
        if let Some(token) = &sign_in.tokens.refresh_token {
            learn.learn_secret(token.expose());
        }
        let stored = tokio::task::spawn_blocking(move || {
            let _lock = credentials.lock();
            credentials.save(&sign_in)
        });
        match stored.await {
            Ok(stored) => stored.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        }
    };
    login.finish(accept, cancel).await
}

/// Finds the server in the configuration of the thread, or of our own folder.
async fn asked(services: &Arc<Services>, params: &McpServerOauthLoginParams) -> Result<Asked, CoreError> {
    let config = match &params.thread_id {
        Some(id) => requests::thread(services, id)?.mcp.config(),
        None => requests::own_config(services).await?,
    };
    let definition = config.mcp_servers.get(&params.name).map(Definition::from_toml);
    let definition = match definition {
        None => return Err(CoreError::Invalid(format!("No MCP server named '{}' found.", params.name))),
        Some(definition) => definition.map_err(|error| CoreError::Invalid(error.to_string()))?,
    };
    let Transport::Http(http) = definition.transport else {
        let words = "OAuth login is only supported for streamable HTTP servers.";
        return Err(CoreError::Invalid(words.to_owned()));
    };
    Ok(Asked {
        http,
        scopes: definition.scopes,
        store: config.mcp_oauth_credentials_store,
        port: config.mcp_oauth_callback_port.unwrap_or(0),
    })
}
